// Command native counts words in C++, with exceptions.
package main

// #include <stdlib.h>
// #include "count.hpp"
import "C"

import (
	"fmt"
	"unsafe"
)

func count(text string) int {
	c := C.CString(text)
	defer C.free(unsafe.Pointer(c))
	return int(C.count_words(c))
}

func main() {
	fmt.Println("words:", count("a b a"), count("a b c d"))
}
