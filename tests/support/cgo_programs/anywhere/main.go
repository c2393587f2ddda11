// Command anywhere does a little of what differs from machine to machine: anywhere USER HOST.
package main

/*
#include <arpa/inet.h>
#include <math.h>
#include <netdb.h>
#include <pthread.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local long own = 40;

static void *add(void *out) {
	own += 2;
	*(long *)out = own;
	return 0;
}

// What a thread makes of a variable of its own.
static long threaded(void) {
	pthread_t thread;
	long out = 0;
	if (pthread_create(&thread, 0, add, &out) || pthread_join(thread, 0)) return -1;
	return out + own;
}

static int uid_of(const char *name) {
	struct passwd *found = getpwnam(name);
	return found ? (int)found->pw_uid : -1;
}

static const char *address_of(const char *name) {
	struct addrinfo hints, *found;
	memset(&hints, 0, sizeof hints);
	hints.ai_family = AF_INET;
	if (getaddrinfo(name, 0, &hints, &found)) return "none";
	return inet_ntoa(((struct sockaddr_in *)found->ai_addr)->sin_addr);
}

static long long rounded(double value) { return llround(sqrt(value) * 1e9); }
*/
import "C"

import "os"

func main() {
	println(C.uid_of(C.CString(os.Args[1])), C.GoString(C.address_of(C.CString(os.Args[2]))), C.threaded(), C.rounded(2))
}
