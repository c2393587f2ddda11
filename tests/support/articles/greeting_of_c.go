package main

// #include <string.h>
// static int length(const char *text) { return strlen(text); }
import "C"
import "strconv"

func greeting() string { return strconv.Itoa(int(C.length(C.CString("letters")))) + " letters of C for user" }
