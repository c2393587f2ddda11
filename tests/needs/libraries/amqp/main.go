// Needs: ca likely
package main

import (
	"fmt"
	amqp "github.com/rabbitmq/amqp091-go"
)

func main() { c, err := amqp.Dial("amqps://x"); fmt.Println(c, err) }
