/* Asks a server on the loopback once whether it is well: the health check of an image that has neither shell nor curl.
 *
 *     probe [-t SECONDS] http://HOST:PORT/PATH      well: status 2xx or 3xx
 *     probe [-t SECONDS] tcp://HOST:PORT            well: the connection is accepted
 *     probe [-t SECONDS] grpc://HOST:PORT[/SERVICE] well: grpc.health.v1.Health/Check says SERVING
 *
 * HOST is 127.0.0.1, [::1], or localhost: the first, and where that refuses, the second. Exits with 0 where all is
 * well, else with 1; the reason is one line on stdout, which engines keep. No byte of the server's is ever printed.
 *
 * It stands alone: no C library, no heap, no relocation. All that a server sends is bounded, in bytes and in time.
 *
 * Source: RFC 9112 (HTTP/1.1), RFC 9113 (HTTP/2), RFC 7541 (HPACK), the gRPC health checking protocol.
 */

#include "machine.h"

typedef unsigned char byte;

enum {
    DEFAULT_SECONDS = 30, /* as long as docker waits */
    MAX_SECONDS = 86400,
    MAX_TARGET = 1024,       /* bytes of a path, or of a service's name */
    MAX_ANSWER = 256 * 1024, /* bytes that are read of a server, whatever they are */
};

/* Memory: compilers call these by name, whatever they are told. */

void *memcpy(void *to, const void *from, __SIZE_TYPE__ count)
{
    for (__SIZE_TYPE__ at = 0; at < count; at++)
        ((volatile byte *)to)[at] = ((const byte *)from)[at];
    return to;
}

void *memset(void *to, int value, __SIZE_TYPE__ count)
{
    for (__SIZE_TYPE__ at = 0; at < count; at++)
        ((volatile byte *)to)[at] = (byte)value;
    return to;
}

static long length_of(const char *text)
{
    long length = 0;
    while (text[length])
        length++;
    return length;
}

/* Give what follows *prefix* in *text*, or 0 where it begins otherwise. */
static const char *after(const char *text, const char *prefix)
{
    while (*prefix)
        if (*text++ != *prefix++)
            return 0;
    return text;
}

/* Texts that are put together piece by piece: what does not fit is left out. */

struct text {
    long length;
    char bytes[4 * MAX_TARGET];
};

static void add_bytes(struct text *text, const void *bytes, long count)
{
    if (count > (long)sizeof text->bytes - text->length)
        count = (long)sizeof text->bytes - text->length;
    memcpy(text->bytes + text->length, bytes, (__SIZE_TYPE__)count);
    text->length += count;
}

static void add(struct text *text, const char *more)
{
    add_bytes(text, more, length_of(more));
}

static void add_byte(struct text *text, int value)
{
    byte one = (byte)value;
    add_bytes(text, &one, 1);
}

static void add_number(struct text *text, unsigned number)
{
    if (number >= 10)
        add_number(text, number / 10);
    add_byte(text, '0' + (int)(number % 10));
}

/* What the user asked for. */

static struct {
    const char *address;
    const char *target; /* path with its slash, or the service's name */
    const char *host;
    long host_length;
    unsigned port;
    int seconds;
} asked;

static struct text line;

__attribute__((noreturn)) static void end(int code)
{
    for (;;)
        call(SYS_exit_group, code, 0, 0, 0, 0);
}

__attribute__((noreturn)) static void finish(const char *verdict, unsigned number, int code)
{
    add(&line, asked.address ? asked.address : "probe");
    add(&line, ": ");
    add(&line, verdict);
    if (number) {
        add(&line, " ");
        add_number(&line, number);
    }
    add(&line, "\n");
    call(SYS_write, 1, (long)line.bytes, line.length, 0, 0);
    end(code);
}

__attribute__((noreturn)) static void fail(const char *reason)
{
    finish(reason, 0, 1);
}

__attribute__((noreturn)) static void fail_with(long error)
{
    switch (-error) {
    case ECONNREFUSED:
        fail("connection refused");
    case ECONNRESET:
    case EPIPE:
        fail("the server closed the connection");
    case ETIMEDOUT:
        finish("no answer; seconds waited:", (unsigned)asked.seconds, 1);
    default:
        finish("cannot ask it; errno", (unsigned)-error, 1);
    }
}

/* Time. Kernels have kept these forms of it on 32-bit machines; a machine runs less than 68 years. */

struct moment {
    long seconds;
    long nanoseconds;
};

static struct moment start;

static struct moment now(void)
{
    struct moment moment = {0, 0};
    call(SYS_clock_gettime, 1 /* CLOCK_MONOTONIC */, (long)&moment, 0, 0, 0);
    return moment;
}

/* Give the milliseconds that are left for the whole check. */
static long time_left(void)
{
    struct moment at = now();
    return (start.seconds + asked.seconds - at.seconds) * 1000 + (start.nanoseconds - at.nanoseconds) / 1000000;
}

/* Wait until *socket* can be read, or written to; the time of the whole check is what is left for it. */
static long wait_for(int socket, short events)
{
    struct {
        int socket;
        short events, seen;
    } one = {socket, events, 0};
    for (;;) {
        long left = time_left();
        if (left <= 0)
            return -ETIMEDOUT;
#ifdef ONLY_PPOLL
        struct moment most = {left / 1000, left % 1000 * 1000000};
        long got = call(SYS_ppoll, (long)&one, 1, (long)&most, 0, 0);
#else
        long got = call(SYS_poll, (long)&one, 1, left, 0, 0);
#endif
        if (got > 0)
            return 0;
        if (got < 0 && got != -EINTR)
            return got;
    }
}

/* Connections. The numbers of these constants are the same on all machines that machine.h knows. */

enum {
    IPV4 = 2,
    IPV6 = 10,
    STREAM_NONBLOCK_CLOEXEC = 1 | 04000 | 02000000,
    SOCKET_LEVEL = 1,
    SOCKET_ERROR = 4,
    NO_SIGNAL = 0x4000,
    CAN_READ = 1,
    CAN_WRITE = 4,
};

static int connection;

static long connect_to(int family)
{
    union {
        unsigned short family;
        byte bytes[28];
    } address = {0};
    int size = family == IPV4 ? 16 : 28;
    address.family = (unsigned short)family;
    address.bytes[2] = (byte)(asked.port >> 8);
    address.bytes[3] = (byte)asked.port;
    if (family == IPV4) {
        address.bytes[4] = 127;
        address.bytes[7] = 1;
    } else {
        address.bytes[23] = 1;
    }
    long socket = call(SYS_socket, family, STREAM_NONBLOCK_CLOEXEC, 0, 0, 0);
    if (socket < 0)
        return socket;
    long result = call(SYS_connect, socket, (long)&address, size, 0, 0);
    if (result == -EINPROGRESS && !(result = wait_for((int)socket, CAN_WRITE))) {
        int error = 0, error_size = sizeof error;
        result = call(SYS_getsockopt, socket, SOCKET_LEVEL, SOCKET_ERROR, (long)&error, (long)&error_size);
        if (!result)
            result = -error;
    }
    if (result < 0)
        call(SYS_close, socket, 0, 0, 0, 0);
    else
        connection = (int)socket;
    return result;
}

static void open_connection(void)
{
    long result = -ECONNREFUSED;
    int is_v6 = asked.host[0] == '[';
    if (!is_v6)
        result = connect_to(IPV4);
    if (is_v6 || (result < 0 && asked.host[0] == 'l')) {
        long second = connect_to(IPV6);
        /* A machine without IPv6 says so, which is no news to anybody. */
        if (is_v6 || second >= 0)
            result = second;
    }
    if (result < 0)
        fail_with(result);
}

/* The pieces of struct msghdr, by way of which nobody is killed when the other side has closed. */
struct piece {
    const void *bytes;
    long count;
};

struct message {
    void *name;
    int name_size;
    struct piece *pieces;
    long count;
    void *control;
    long control_size;
    int flags;
};

static void transmit(const void *bytes, long count)
{
    while (count > 0) {
        struct piece piece = {bytes, count};
        struct message message = {0, 0, &piece, 1, 0, 0, 0};
        long sent = call(SYS_sendmsg, connection, (long)&message, NO_SIGNAL, 0, 0);
        if (sent == -EAGAIN)
            sent = wait_for(connection, CAN_WRITE);
        if (sent < 0 && sent != -EINTR)
            fail_with(sent);
        if (sent > 0) {
            bytes = (const char *)bytes + sent;
            count -= sent;
        }
    }
}

/* Give the next byte of the answer, or -1 at its end. */
static int next(void)
{
    static byte buffer[2048];
    static long at, filled, total;
    while (at == filled) {
        if (total >= MAX_ANSWER)
            fail("too long an answer");
        long got = call(SYS_read, connection, (long)buffer, sizeof buffer, 0, 0);
        if (got == -EAGAIN)
            got = wait_for(connection, CAN_READ) ?: -EINTR;
        if (!got)
            return -1;
        if (got < 0 && got != -EINTR)
            fail_with(got);
        if (got > 0) {
            at = 0;
            filled = got;
            total += got;
        }
    }
    return buffer[at++];
}

/* HTTP */

static int is_digit(int one)
{
    return one >= '0' && one <= '9';
}

/* Read "HTTP/1.1 200 " and give the number, or 0 where it is anything else. */
static int read_status(void)
{
    for (const char *expected = "HTTP/1."; *expected; expected++)
        if (next() != *expected)
            return 0;
    if (!is_digit(next()) || next() != ' ')
        return 0;
    int status = 0;
    for (int digits = 0; digits < 3; digits++) {
        int one = next();
        if (!is_digit(one))
            return 0;
        status = status * 10 + one - '0';
    }
    int one = next();
    if (one != ' ' && one != '\r' && one != '\n')
        return 0;
    /* The rest of the line, where it is not yet over, is read by whoever wants what is behind it. */
    return status >= 100 && status <= 599 ? status : 0;
}

/* Read to the end of the head, which is an empty line. */
static void skip_head(void)
{
    int in_line = 1;
    for (;;) {
        int one = next();
        if (one < 0)
            fail("the server closed the connection");
        if (one == '\n' && !in_line)
            return;
        if (one == '\n')
            in_line = 0;
        else if (one != '\r')
            in_line = 1;
    }
}

static void add_authority(struct text *text)
{
    add_bytes(text, asked.host, asked.host_length);
    add(text, ":");
    add_number(text, asked.port);
}

static struct text request;

__attribute__((noreturn)) static void ask_http(void)
{
    add(&request, "GET ");
    add(&request, asked.target);
    add(&request, " HTTP/1.1\r\nHost: ");
    add_authority(&request);
    add(&request, "\r\nUser-Agent: smidgen-probe\r\nAccept: */*\r\nConnection: close\r\n\r\n");
    transmit(request.bytes, request.length);
    for (;;) {
        int status = read_status();
        if (!status)
            fail("the answer is not HTTP/1");
        if (status >= 200 || status == 101)
            finish("status", (unsigned)status, status < 200 || status >= 400);
        skip_head(); /* an interim answer, such as 103 */
    }
}

/* gRPC */

enum { DATA = 0, HEADERS = 1, RESET = 3, SETTINGS = 4, PING = 6, GO_AWAY = 7 };
enum { END_STREAM = 1, ACKNOWLEDGED = 1, END_HEADERS = 4, PADDED = 8 };
enum { MAX_FRAME = 16384, MAX_MESSAGE = 64 };

static void add_frame_head(struct text *text, long size, int type, int flags, int stream)
{
    byte head[9] = {0, (byte)(size >> 8), (byte)size, (byte)type, (byte)flags, 0, 0, 0, (byte)stream};
    add_bytes(text, head, sizeof head);
}

/* Write a number as HPACK does after *prefix* bits that are all ones. */
static void add_integer(struct text *text, long number, int ones)
{
    if (number < ones) {
        add_byte(text, (int)number);
        return;
    }
    add_byte(text, ones);
    for (number -= ones; number >= 128; number /= 128)
        add_byte(text, (int)(number % 128 + 128));
    add_byte(text, (int)number);
}

static void add_varint(struct text *text, long number)
{
    for (; number >= 128; number /= 128)
        add_byte(text, (int)(number % 128 + 128));
    add_byte(text, (int)number);
}

static void add_string(struct text *text, const char *string)
{
    add_integer(text, length_of(string), 127);
    add(text, string);
}

static void send_call(void)
{
    static struct text headers, authority;
    add_authority(&authority);
    add_byte(&authority, 0);
    /* By number where HPACK's static table has it; else literal, and not to be remembered. */
    add_byte(&headers, 0x80 | 3); /* :method: POST */
    add_byte(&headers, 0x80 | 6); /* :scheme: http */
    add_byte(&headers, 4);        /* :path */
    add_string(&headers, "/grpc.health.v1.Health/Check");
    add_byte(&headers, 1); /* :authority */
    add_string(&headers, authority.bytes);
    add_integer(&headers, 31, 15); /* content-type */
    add_string(&headers, "application/grpc");
    add_byte(&headers, 0);
    add_string(&headers, "te");
    add_string(&headers, "trailers");

    long service = length_of(asked.target);
    long field = service ? 1 + (service < 128 ? 1 : 2) + service : 0;
    add(&request, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    add_frame_head(&request, 6, SETTINGS, 0, 0);
    add_bytes(&request, "\0\2\0\0\0\0", 6); /* ENABLE_PUSH: 0 */
    add_frame_head(&request, headers.length, HEADERS, END_HEADERS, 1);
    add_bytes(&request, headers.bytes, headers.length);
    add_frame_head(&request, 5 + field, DATA, END_STREAM, 1);
    byte prefix[5] = {0, 0, 0, (byte)(field >> 8), (byte)field};
    add_bytes(&request, prefix, sizeof prefix);
    if (service) {
        add_byte(&request, 1 << 3 | 2); /* HealthCheckRequest.service */
        add_varint(&request, service);
        add(&request, asked.target);
    }
    transmit(request.bytes, request.length);
}

/* Give the next byte of a frame. */
static byte frame_byte(void)
{
    int one = next();
    if (one < 0)
        fail("the server closed the connection");
    return (byte)one;
}

static unsigned frame_number(int bytes)
{
    unsigned number = 0;
    while (bytes-- > 0)
        number = number << 8 | frame_byte();
    return number;
}

static void skip(unsigned count)
{
    while (count-- > 0)
        frame_byte();
}

/* HealthCheckResponse, behind the five bytes that gRPC puts before each message. */
static struct {
    byte bytes[5 + MAX_MESSAGE];
    unsigned length;
} answer;

/* Read a varint of the answer at *at*; 0 where it does not end. */
static unsigned varint(unsigned *at, unsigned end)
{
    unsigned number = 0;
    for (int shift = 0; *at < end && shift < 35; shift += 7) {
        byte one = answer.bytes[(*at)++];
        number |= shift < 32 ? (unsigned)(one & 127) << shift : 0;
        if (one < 128)
            return number;
    }
    fail("the answer is not a HealthCheckResponse");
}

__attribute__((noreturn)) static void judge(unsigned end)
{
    unsigned status = 0, at = 5;
    while (at < end) {
        unsigned tag = varint(&at, end), size = 0;
        switch (tag & 7) {
        case 0: {
            unsigned value = varint(&at, end);
            if (tag >> 3 == 1)
                status = value;
            break;
        }
        case 1:
            size = 8;
            break;
        case 2:
            size = varint(&at, end);
            break;
        case 5:
            size = 4;
            break;
        default:
            fail("the answer is not a HealthCheckResponse");
        }
        if (size > end - at)
            fail("the answer is not a HealthCheckResponse");
        at += size;
    }
    if (status == 1)
        finish("SERVING", 0, 0);
    fail(status == 2 ? "NOT_SERVING" : status == 3 ? "SERVICE_UNKNOWN" : "UNKNOWN");
}

/* Take what a DATA frame brings; once the message is whole, it is judged, whatever would come behind it. */
static void take(unsigned count)
{
    for (; count > 0; count--) {
        answer.bytes[answer.length++] = frame_byte();
        if (answer.length < 5)
            continue;
        if (answer.bytes[0] || answer.bytes[1] || answer.bytes[2] || answer.bytes[3] || answer.bytes[4] > MAX_MESSAGE)
            fail("the answer is not a HealthCheckResponse");
        unsigned end = 5u + answer.bytes[4];
        if (answer.length == end)
            judge(end);
    }
}

static void acknowledge(int type, const byte *payload, long size)
{
    static struct text frame;
    frame.length = 0;
    add_frame_head(&frame, size, type, ACKNOWLEDGED, 0);
    add_bytes(&frame, payload, size);
    transmit(frame.bytes, frame.length);
}

static void take_data(unsigned size, int flags)
{
    unsigned padding = 0;
    if (flags & PADDED) {
        if (!size)
            fail("the answer is not HTTP/2");
        padding = frame_byte();
        size--;
    }
    if (padding > size)
        fail("the answer is not HTTP/2");
    take(size - padding);
    skip(padding);
}

static void take_ping(unsigned size, int flags)
{
    byte payload[8];
    if (size != sizeof payload)
        fail("the answer is not HTTP/2");
    for (unsigned at = 0; at < sizeof payload; at++)
        payload[at] = frame_byte();
    if (!(flags & ACKNOWLEDGED))
        acknowledge(PING, payload, sizeof payload);
}

static void take_frame(void)
{
    unsigned size = frame_number(3), type = frame_byte();
    int flags = frame_byte();
    unsigned stream = frame_number(4) & 0x7fffffff;
    if (size > MAX_FRAME)
        fail("the answer is not HTTP/2");
    if (type == DATA && stream == 1) {
        take_data(size, flags);
    } else if (type == PING) {
        take_ping(size, flags);
    } else if (type == RESET && stream == 1) {
        fail("the server refused the call");
    } else if (type == GO_AWAY && size >= 8) {
        if (!(frame_number(4) & 0x7fffffff))
            fail("the server refused the call");
        skip(size - 4);
    } else {
        skip(size);
        if (type == SETTINGS && !(flags & ACKNOWLEDGED))
            acknowledge(SETTINGS, 0, 0);
    }
    if ((type == DATA || type == HEADERS) && stream == 1 && flags & END_STREAM)
        fail("the server answered with an error: no such service, or no health service");
}

__attribute__((noreturn)) static void ask_grpc(void)
{
    send_call();
    for (;;)
        take_frame();
}

/* The command line */

static unsigned read_number(const char **text, unsigned most)
{
    unsigned number = 0;
    const char *at = *text;
    while (is_digit(*at) && number <= most)
        number = number * 10 + (unsigned)(*at++ - '0');
    if (at == *text || !number || number > most)
        fail("expected a number in range");
    *text = at;
    return number;
}

static const char *read_host(const char *text)
{
    static const char *const hosts[] = {"localhost", "127.0.0.1", "[::1]"};
    for (unsigned at = 0; at < sizeof hosts / sizeof *hosts; at++) {
        const char *rest = after(text, hosts[at]);
        if (rest && *rest == ':') {
            asked.host = text;
            asked.host_length = rest - text;
            return rest + 1;
        }
    }
    fail("expected localhost, 127.0.0.1 or [::1], and a port");
}

static void check_target(void)
{
    if (length_of(asked.target) > MAX_TARGET) {
        asked.address = 0;
        fail("the address has too long a path");
    }
    for (const char *at = asked.target; *at; at++)
        if (*at <= ' ' || *at > '~')
            fail("a path of printable characters was expected");
}

__attribute__((noreturn, used)) void begin(long *stack)
{
    long count = *stack;
    const char **words = (const char **)(stack + 1) + 1;
    asked.seconds = DEFAULT_SECONDS;
    const char *option = count == 4 ? after(words[0], "-t") : 0;
    if (option && !*option) {
        asked.seconds = (int)read_number(&words[1], MAX_SECONDS);
        if (*words[1])
            fail("expected a number in range");
        words += 2;
        count -= 2;
    }
    if (count != 2)
        fail("expected [-t SECONDS] and http://, tcp:// or grpc://HOST:PORT[/PATH]");
    asked.address = words[0];
    start = now();
    const char *rest, *http = after(words[0], "http://"), *grpc = after(words[0], "grpc://");
    rest = http ? http : grpc ? grpc : after(words[0], "tcp://");
    if (!rest)
        fail("expected http://, tcp:// or grpc://");
    rest = read_host(rest);
    asked.port = read_number(&rest, 65535);
    if (*rest && *rest != '/')
        fail("expected a path behind the port");
    asked.target = http ? (*rest ? rest : "/") : *rest ? rest + 1 : "";
    check_target();
    open_connection();
    if (http)
        ask_http();
    if (grpc)
        ask_grpc();
    finish("accepted", 0, 0);
}
