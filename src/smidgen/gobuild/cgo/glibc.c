/*
 * What libraries that were compiled for glibc call, and musl does not have, in the words of musl.
 *
 * A distribution's static libraries are compiled with checks of the length of what is written (_FORTIFY_SOURCE: __*_chk,
 * __*_2), with other names of functions that take large files (LFS64), and with names for a dialect of C (__isoc*).
 * Checks are made here as well. Every name gives way to one of the C library.
 *
 * Source: Linux Standard Base Core 5.0, "Interfaces for libc" (the arguments of __*_chk); feature_test_macros(7)
 * and lfs(5); getrandom(2). Structures with offsets are those of the kernel in both libraries where long has 64 bits.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <dirent.h>
#include <stdint.h>
#include <sys/mman.h>
#include <syslog.h>
#include <unistd.h>
#include <wchar.h>

#define OURS __attribute__((weak))

static _Noreturn void too_long(void) {
	static const char text[] = "a buffer would overflow: the program is ended\n";
	(void)!write(2, text, sizeof text - 1);
	abort();
}

static inline void fits(size_t wanted, size_t there) {
	if (wanted > there) too_long();
}

/* Memory and strings. */

OURS void *__memcpy_chk(void *to, const void *from, size_t count, size_t there) {
	fits(count, there);
	return memcpy(to, from, count);
}

OURS void *__mempcpy_chk(void *to, const void *from, size_t count, size_t there) {
	return (char *)__memcpy_chk(to, from, count, there) + count;
}

OURS void *__memmove_chk(void *to, const void *from, size_t count, size_t there) {
	fits(count, there);
	return memmove(to, from, count);
}

OURS void *__memset_chk(void *to, int value, size_t count, size_t there) {
	fits(count, there);
	return memset(to, value, count);
}

OURS void __explicit_bzero_chk(void *to, size_t count, size_t there) {
	fits(count, there);
	explicit_bzero(to, count);
}

OURS char *__strcpy_chk(char *to, const char *from, size_t there) {
	return __memcpy_chk(to, from, strlen(from) + 1, there);
}

OURS char *__stpcpy_chk(char *to, const char *from, size_t there) {
	size_t length = strlen(from);
	return (char *)__memcpy_chk(to, from, length + 1, there) + length;
}

OURS char *__strncpy_chk(char *to, const char *from, size_t count, size_t there) {
	fits(count, there);
	return strncpy(to, from, count);
}

OURS char *__stpncpy_chk(char *to, const char *from, size_t count, size_t there) {
	fits(count, there);
	return stpncpy(to, from, count);
}

OURS char *__strcat_chk(char *to, const char *from, size_t there) {
	size_t before = strnlen(to, there);
	__strcpy_chk(to + before, from, there - before);
	return to;
}

OURS char *__strncat_chk(char *to, const char *from, size_t count, size_t there) {
	fits(strnlen(to, there) + strnlen(from, count) + 1, there);
	return strncat(to, from, count);
}

/* Formatted output. A first argument more than usual asks for checks of the format, which musl does not make. */

OURS int __vsnprintf_chk(char *to, size_t count, int flag, size_t there, const char *format, va_list rest) {
	(void)flag;
	fits(count, there);
	return vsnprintf(to, count, format, rest);
}

OURS int __vsprintf_chk(char *to, int flag, size_t there, const char *format, va_list rest) {
	(void)flag;
	/* A length that is not known is the largest there is; no text is longer than INT_MAX. */
	int length = vsnprintf(to, there > INT32_MAX ? INT32_MAX : there, format, rest);
	if (length >= 0) fits((size_t)length + 1, there);
	return length;
}

OURS int __vfprintf_chk(FILE *file, int flag, const char *format, va_list rest) {
	(void)flag;
	return vfprintf(file, format, rest);
}

OURS int __vprintf_chk(int flag, const char *format, va_list rest) {
	return __vfprintf_chk(stdout, flag, format, rest);
}

OURS int __vasprintf_chk(char **to, int flag, const char *format, va_list rest) {
	(void)flag;
	return vasprintf(to, format, rest);
}

OURS int __vdprintf_chk(int descriptor, int flag, const char *format, va_list rest) {
	(void)flag;
	return vdprintf(descriptor, format, rest);
}

OURS void __vsyslog_chk(int priority, int flag, const char *format, va_list rest) {
	(void)flag;
	vsyslog(priority, format, rest);
}

/* Calls the form of a function that takes its arguments as a list. */
#define WITH_LIST(call)        \
	va_list rest;              \
	va_start(rest, format);    \
	int outcome = call;        \
	va_end(rest);              \
	return outcome

OURS int __sprintf_chk(char *to, int flag, size_t there, const char *format, ...) {
	WITH_LIST(__vsprintf_chk(to, flag, there, format, rest));
}

OURS int __snprintf_chk(char *to, size_t count, int flag, size_t there, const char *format, ...) {
	WITH_LIST(__vsnprintf_chk(to, count, flag, there, format, rest));
}

OURS int __fprintf_chk(FILE *file, int flag, const char *format, ...) {
	WITH_LIST(__vfprintf_chk(file, flag, format, rest));
}

OURS int __printf_chk(int flag, const char *format, ...) {
	WITH_LIST(__vprintf_chk(flag, format, rest));
}

OURS int __asprintf_chk(char **to, int flag, const char *format, ...) {
	WITH_LIST(__vasprintf_chk(to, flag, format, rest));
}

OURS int __dprintf_chk(int descriptor, int flag, const char *format, ...) {
	WITH_LIST(__vdprintf_chk(descriptor, flag, format, rest));
}

OURS void __syslog_chk(int priority, int flag, const char *format, ...) {
	va_list rest;
	va_start(rest, format);
	__vsyslog_chk(priority, flag, format, rest);
	va_end(rest);
}

/* Numbers and formatted input, by names for a dialect of C. */

OURS int __isoc99_sscanf(const char *text, const char *format, ...) { WITH_LIST(vsscanf(text, format, rest)); }
OURS int __isoc23_sscanf(const char *text, const char *format, ...) { WITH_LIST(vsscanf(text, format, rest)); }
OURS int __isoc99_fscanf(FILE *file, const char *format, ...) { WITH_LIST(vfscanf(file, format, rest)); }
OURS int __isoc23_fscanf(FILE *file, const char *format, ...) { WITH_LIST(vfscanf(file, format, rest)); }
OURS int __isoc99_vsscanf(const char *text, const char *format, va_list rest) { return vsscanf(text, format, rest); }
OURS int __isoc23_vsscanf(const char *text, const char *format, va_list rest) { return vsscanf(text, format, rest); }
OURS long __isoc23_strtol(const char *text, char **end, int base) { return strtol(text, end, base); }
OURS unsigned long __isoc23_strtoul(const char *text, char **end, int base) { return strtoul(text, end, base); }
OURS long long __isoc23_strtoll(const char *text, char **end, int base) { return strtoll(text, end, base); }
OURS unsigned long long __isoc23_strtoull(const char *text, char **end, int base) { return strtoull(text, end, base); }
OURS intmax_t __isoc23_strtoimax(const char *text, char **end, int base) { return strtoll(text, end, base); }
OURS uintmax_t __isoc23_strtoumax(const char *text, char **end, int base) { return strtoull(text, end, base); }

/* Files, sockets and what else is read into buffers. */

OURS ssize_t __read_chk(int descriptor, void *to, size_t count, size_t there) {
	fits(count, there);
	return read(descriptor, to, count);
}

OURS ssize_t __pread_chk(int descriptor, void *to, size_t count, off_t at, size_t there) {
	fits(count, there);
	return pread(descriptor, to, count, at);
}

OURS ssize_t __recv_chk(int descriptor, void *to, size_t count, size_t there, int flags) {
	fits(count, there);
	return recv(descriptor, to, count, flags);
}

OURS ssize_t __recvfrom_chk(int descriptor, void *to, size_t count, size_t there, int flags, struct sockaddr *address,
		socklen_t *length) {
	fits(count, there);
	return recvfrom(descriptor, to, count, flags, address, length);
}

OURS size_t __fread_chk(void *to, size_t there, size_t size, size_t count, FILE *file) {
	size_t wanted;
	if (__builtin_mul_overflow(size, count, &wanted)) too_long();
	fits(wanted, there);
	return fread(to, size, count, file);
}

OURS char *__fgets_chk(char *to, size_t there, int count, FILE *file) {
	fits(count < 0 ? 0 : (size_t)count, there);
	return fgets(to, count, file);
}

OURS ssize_t __readlink_chk(const char *path, char *to, size_t count, size_t there) {
	fits(count, there);
	return readlink(path, to, count);
}

OURS char *__getcwd_chk(char *to, size_t count, size_t there) {
	fits(count, there);
	return getcwd(to, count);
}

OURS char *__realpath_chk(const char *path, char *to, size_t there) {
	if (to) fits(4096, there);
	return realpath(path, to);
}

OURS int __gethostname_chk(char *to, size_t count, size_t there) {
	fits(count, there);
	return gethostname(to, count);
}

OURS int __poll_chk(struct pollfd *which, nfds_t count, int timeout, size_t there) {
	fits(count, there / sizeof *which);
	return poll(which, count, timeout);
}

OURS long __fdelt_chk(long descriptor) {
	if (descriptor < 0 || descriptor >= FD_SETSIZE) too_long();
	return descriptor / (8 * (long)sizeof(long));
}

OURS int __open_2(const char *path, int flags) { return open(path, flags); }
OURS int __openat_2(int directory, const char *path, int flags) { return openat(directory, path, flags); }

/* What else there is in glibc. */

OURS _Noreturn void __longjmp_chk(jmp_buf place, int value) { longjmp(place, value); }

OURS long __sysconf(int name) { return sysconf(name); }

OURS int __register_atfork(void (*before)(void), void (*parent)(void), void (*child)(void), void *object) {
	(void)object;
	return pthread_atfork(before, parent, child);
}

/* Whoever reads it may leave out locks where it is not 0. */
OURS char __libc_single_threaded = 0;

OURS void arc4random_buf(void *to, size_t count) {
	for (char *at = to; count;) {
		ssize_t got = getrandom(at, count, 0);
		if (got < 0 && errno != EINTR) abort();
		if (got > 0) at += got, count -= (size_t)got;
	}
}

OURS uint32_t arc4random(void) {
	uint32_t value;
	arc4random_buf(&value, sizeof value);
	return value;
}

#ifdef __LP64__

/* Functions for large files: offsets have 64 bits anyway. */

OURS int open64(const char *path, int flags, ...) {
	va_list rest;
	va_start(rest, flags);
	mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
	va_end(rest);
	return open(path, flags, mode);
}

OURS int openat64(int directory, const char *path, int flags, ...) {
	va_list rest;
	va_start(rest, flags);
	mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
	va_end(rest);
	return openat(directory, path, flags, mode);
}

OURS int fcntl64(int descriptor, int command, ...) {
	va_list rest;
	va_start(rest, command);
	void *argument = va_arg(rest, void *);
	va_end(rest);
	return fcntl(descriptor, command, argument);
}

OURS int __open64_2(const char *path, int flags) { return open(path, flags); }
OURS int __openat64_2(int directory, const char *path, int flags) { return openat(directory, path, flags); }
OURS int creat64(const char *path, mode_t mode) { return creat(path, mode); }
OURS int stat64(const char *path, struct stat *to) { return stat(path, to); }
OURS int lstat64(const char *path, struct stat *to) { return lstat(path, to); }
OURS int fstat64(int descriptor, struct stat *to) { return fstat(descriptor, to); }
OURS int fstatat64(int directory, const char *path, struct stat *to, int flags) {
	return fstatat(directory, path, to, flags);
}
OURS int statvfs64(const char *path, struct statvfs *to) { return statvfs(path, to); }
OURS int fstatvfs64(int descriptor, struct statvfs *to) { return fstatvfs(descriptor, to); }
OURS off_t lseek64(int descriptor, off_t at, int whence) { return lseek(descriptor, at, whence); }
OURS int truncate64(const char *path, off_t length) { return truncate(path, length); }
OURS int ftruncate64(int descriptor, off_t length) { return ftruncate(descriptor, length); }
OURS int posix_fallocate64(int descriptor, off_t at, off_t length) { return posix_fallocate(descriptor, at, length); }
OURS int posix_fadvise64(int descriptor, off_t at, off_t length, int advice) {
	return posix_fadvise(descriptor, at, length, advice);
}
OURS int lockf64(int descriptor, int command, off_t length) { return lockf(descriptor, command, length); }
OURS ssize_t pread64(int descriptor, void *to, size_t count, off_t at) { return pread(descriptor, to, count, at); }
OURS ssize_t __pread64_chk(int descriptor, void *to, size_t count, off_t at, size_t there) {
	return __pread_chk(descriptor, to, count, at, there);
}
OURS ssize_t pwrite64(int descriptor, const void *from, size_t count, off_t at) {
	return pwrite(descriptor, from, count, at);
}
OURS ssize_t sendfile64(int to, int from, off_t *at, size_t count) { return sendfile(to, from, at, count); }
OURS void *mmap64(void *at, size_t length, int protection, int flags, int descriptor, off_t offset) {
	return mmap(at, length, protection, flags, descriptor, offset);
}
OURS FILE *fopen64(const char *path, const char *mode) { return fopen(path, mode); }
OURS FILE *freopen64(const char *path, const char *mode, FILE *file) { return freopen(path, mode, file); }
OURS FILE *tmpfile64(void) { return tmpfile(); }
OURS int fseeko64(FILE *file, off_t at, int whence) { return fseeko(file, at, whence); }
OURS off_t ftello64(FILE *file) { return ftello(file); }
OURS int mkstemp64(char *path) { return mkstemp(path); }
OURS struct dirent *readdir64(DIR *directory) { return readdir(directory); }
OURS int getrlimit64(int which, struct rlimit *to) { return getrlimit(which, to); }
OURS int setrlimit64(int which, const struct rlimit *from) { return setrlimit(which, from); }

#endif
