// Needs: tmp possible. It reads every form that is sent to it.
// Facts: starts-programs
package main

import (
	"github.com/gofiber/fiber/v2"
)

func main() {
	a := fiber.New()
	a.Get("/", func(c *fiber.Ctx) error { return c.SendString("x") })
	panic(a.Listen(":1"))
}
