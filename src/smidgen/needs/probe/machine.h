/* What differs between machines: how a program is entered, and how it calls the kernel.
 *
 * `call` takes up to five arguments, as many as 32-bit x86 has registers for, and gives the result, or -errno.
 * All these machines share the numbers of errors and of the constants of sockets, but not those of system calls.
 * `begin` gets the address of what the kernel put on the stack: the count of arguments, and pointers to them.
 *
 * Source: syscall(2), "Architecture calling conventions"; the processors' ABI supplements, "Process Initialization";
 * the kernel's syscall.tbl of each, and asm-generic/{errno,unistd}.h.
 */

enum {
    EINTR = 4, EAGAIN = 11, EPIPE = 32, ECONNRESET = 104, ETIMEDOUT = 110, ECONNREFUSED = 111, EINPROGRESS = 115,
};

#if defined(__x86_64__)

enum {
    SYS_read = 0, SYS_write = 1, SYS_close = 3, SYS_poll = 7, SYS_socket = 41, SYS_connect = 42, SYS_sendmsg = 46,
    SYS_getsockopt = 55, SYS_clock_gettime = 228, SYS_exit_group = 231,
};

__asm__(".globl _start\n_start:\n"
        "  xor %ebp, %ebp\n  mov %rsp, %rdi\n  and $-16, %rsp\n  call begin\n");

static long call(long number, long a, long b, long c, long d, long e)
{
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return result;
}

#elif defined(__i386__)

enum {
    SYS_read = 3, SYS_write = 4, SYS_close = 6, SYS_poll = 168, SYS_exit_group = 252, SYS_clock_gettime = 265,
    SYS_socket = 359, SYS_connect = 362, SYS_getsockopt = 365, SYS_sendmsg = 370,
};

__asm__(".globl _start\n_start:\n"
        "  xor %ebp, %ebp\n  mov %esp, %eax\n  and $-16, %esp\n  sub $12, %esp\n  push %eax\n  call begin\n");

static long call(long number, long a, long b, long c, long d, long e)
{
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e) : "memory");
    return result;
}

#elif defined(__aarch64__)

enum {
    SYS_close = 57, SYS_read = 63, SYS_write = 64, SYS_ppoll = 73, SYS_exit_group = 94, SYS_clock_gettime = 113,
    SYS_socket = 198, SYS_connect = 203, SYS_getsockopt = 209, SYS_sendmsg = 211,
};
#define ONLY_PPOLL

__asm__(".globl _start\n_start:\n"
        "  mov x29, #0\n  mov x30, #0\n  mov x0, sp\n  bl begin\n");

static long call(long number, long a, long b, long c, long d, long e)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory", "cc");
    return x0;
}

#elif defined(__arm__)

enum {
    SYS_read = 3, SYS_write = 4, SYS_close = 6, SYS_poll = 168, SYS_exit_group = 248, SYS_clock_gettime = 263,
    SYS_socket = 281, SYS_connect = 283, SYS_getsockopt = 295, SYS_sendmsg = 296,
};

__asm__(".arm\n.globl _start\n_start:\n"
        "  mov r11, #0\n  mov r0, sp\n  bic sp, sp, #7\n  bl begin\n");

static long call(long number, long a, long b, long c, long d, long e)
{
    register long r7 __asm__("r7") = number;
    register long r0 __asm__("r0") = a;
    register long r1 __asm__("r1") = b;
    register long r2 __asm__("r2") = c;
    register long r3 __asm__("r3") = d;
    register long r4 __asm__("r4") = e;
    __asm__ volatile("svc 0" : "+r"(r0) : "r"(r7), "r"(r1), "r"(r2), "r"(r3), "r"(r4) : "memory", "cc");
    return r0;
}

#elif defined(__riscv) && __riscv_xlen == 64

enum {
    SYS_close = 57, SYS_read = 63, SYS_write = 64, SYS_ppoll = 73, SYS_exit_group = 94, SYS_clock_gettime = 113,
    SYS_socket = 198, SYS_connect = 203, SYS_getsockopt = 209, SYS_sendmsg = 211,
};
#define ONLY_PPOLL

__asm__(".globl _start\n_start:\n"
        "  mv a0, sp\n  andi sp, sp, -16\n  call begin\n");

static long call(long number, long a, long b, long c, long d, long e)
{
    register long a7 __asm__("a7") = number;
    register long a0 __asm__("a0") = a;
    register long a1 __asm__("a1") = b;
    register long a2 __asm__("a2") = c;
    register long a3 __asm__("a3") = d;
    register long a4 __asm__("a4") = e;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4) : "memory");
    return a0;
}

#elif defined(__loongarch64)

enum {
    SYS_close = 57, SYS_read = 63, SYS_write = 64, SYS_ppoll = 73, SYS_exit_group = 94, SYS_clock_gettime = 113,
    SYS_socket = 198, SYS_connect = 203, SYS_getsockopt = 209, SYS_sendmsg = 211,
};
#define ONLY_PPOLL

__asm__(".globl _start\n_start:\n"
        "  move $a0, $sp\n  bstrins.d $sp, $zero, 3, 0\n  bl begin\n");

static long call(long number, long a, long b, long c, long d, long e)
{
    register long a7 __asm__("$a7") = number;
    register long a0 __asm__("$a0") = a;
    register long a1 __asm__("$a1") = b;
    register long a2 __asm__("$a2") = c;
    register long a3 __asm__("$a3") = d;
    register long a4 __asm__("$a4") = e;
    __asm__ volatile("syscall 0"
                     : "+r"(a0)
                     : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4)
                     : "memory", "$t0", "$t1", "$t2", "$t3", "$t4", "$t5", "$t6", "$t7", "$t8");
    return a0;
}

#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)

enum {
    SYS_read = 3, SYS_write = 4, SYS_close = 6, SYS_poll = 167, SYS_exit_group = 234, SYS_clock_gettime = 246,
    SYS_socket = 326, SYS_connect = 328, SYS_getsockopt = 340, SYS_sendmsg = 341,
};

/* The kernel gives the entry's address in r12; the table of contents lies at a fixed distance from it. */
__asm__(".globl _start\n.type _start, @function\n_start:\n"
        "  addis 2, 12, .TOC.-_start@ha\n  addi 2, 2, .TOC.-_start@l\n"
        "  mr 3, 1\n  clrrdi 1, 1, 4\n  li 0, 0\n  stdu 0, -32(1)\n  mtlr 0\n  bl begin\n  nop\n");

static long call(long number, long a, long b, long c, long d, long e)
{
    register long r0 __asm__("r0") = number;
    register long r3 __asm__("r3") = a;
    register long r4 __asm__("r4") = b;
    register long r5 __asm__("r5") = c;
    register long r6 __asm__("r6") = d;
    register long r7 __asm__("r7") = e;
    /* An error is a positive errno, and a bit of the condition register. */
    __asm__ volatile("sc\n  bns+ 1f\n  neg 3, 3\n1:"
                     : "+r"(r0), "+r"(r3), "+r"(r4), "+r"(r5), "+r"(r6), "+r"(r7)
                     :
                     : "memory", "cr0", "r8", "r9", "r10", "r11", "r12", "ctr");
    return r3;
}

#elif defined(__s390x__)

enum {
    SYS_read = 3, SYS_write = 4, SYS_close = 6, SYS_poll = 168, SYS_exit_group = 248, SYS_clock_gettime = 260,
    SYS_socket = 359, SYS_connect = 362, SYS_getsockopt = 365, SYS_sendmsg = 370,
};

/* Whoever calls gives the callee 160 bytes to save registers in. */
__asm__(".globl _start\n_start:\n"
        "  lgr %r2, %r15\n  lghi %r0, 0\n  aghi %r15, -160\n  stg %r0, 0(%r15)\n  brasl %r14, begin\n");

static long call(long number, long a, long b, long c, long d, long e)
{
    register long r1 __asm__("r1") = number;
    register long r2 __asm__("r2") = a;
    register long r3 __asm__("r3") = b;
    register long r4 __asm__("r4") = c;
    register long r5 __asm__("r5") = d;
    register long r6 __asm__("r6") = e;
    __asm__ volatile("svc 0" : "+d"(r2) : "d"(r1), "d"(r3), "d"(r4), "d"(r5), "d"(r6) : "memory", "cc");
    return r2;
}

#else
#error "no calling convention is known for this machine"
#endif
