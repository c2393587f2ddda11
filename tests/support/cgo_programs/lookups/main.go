// Command lookups asks the C library for users and hosts: lookups USER HOST.
package main

/*
#include <netdb.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>

static int uid_of(const char *name) {
	struct passwd *found = getpwnam(name);
	return found ? (int)found->pw_uid : -1;
}

static int address_of(const char *name, char *text, size_t size) {
	struct addrinfo hints, *found;
	memset(&hints, 0, sizeof hints);
	hints.ai_family = AF_INET;
	int code = getaddrinfo(name, 0, &hints, &found);
	if (code) return code;
	inet_ntop(AF_INET, &((struct sockaddr_in *)found->ai_addr)->sin_addr, text, size);
	freeaddrinfo(found);
	return 0;
}
*/
import "C"

import (
	"fmt"
	"net"
	"os"
	"os/user"
	"unsafe"
)

func main() {
	name, host := C.CString(os.Args[1]), C.CString(os.Args[2])
	defer C.free(unsafe.Pointer(name))
	text := (*C.char)(C.calloc(1, 64))
	code := C.address_of(host, text, 64)
	fmt.Println("c:", C.uid_of(name), code, C.GoString(text))
	one, err := user.Lookup(os.Args[1])
	if err != nil {
		fmt.Println("go user:", err)
	} else {
		fmt.Println("go user:", one.Uid)
	}
	addresses, err := net.LookupHost(os.Args[2])
	fmt.Println("go host:", addresses, err)
}
