/* The calls of driver 4.23.0 that the test programs make, and the controls of the test bench's firmware. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define QUERY_DRIVER_INFO 0x400c6702
#define FW_CONTROL 0xc5f86e00
#define ENABLE_CHANNELS 0x800d7600
#define DISABLE_CHANNELS 0x800c7601
#define INTERRUPTS_WAIT 0xc12d7602
#define BUFFER_MAP 0xc0287604
#define BUFFER_UNMAP 0x80087605
#define DESC_LIST_CREATE 0xc01b7607
#define DESC_LIST_RELEASE 0x80087608
#define LOW_MEMORY_BUFFER_ALLOC 0xc010760a
#define LAUNCH_TRANSFER 0x8099760f

#pragma pack(push, 1)
struct info { uint32_t major, minor, revision; };
struct control { uint8_t md5[16]; uint32_t length; uint8_t buffer[1500]; uint32_t timeout_ms, cpu_id; };
struct enable { uint32_t bitmap[3]; uint8_t timestamps; };
struct disable { uint32_t bitmap[3]; };
struct interrupts { uint32_t bitmap[3]; uint8_t count; struct { uint8_t engine, channel, data; } irq[96]; };
struct map { uint64_t address, size; uint32_t direction, type; uint64_t allocated, handle; };
struct list { uint64_t count; uint16_t page_size; uint8_t circular; uint64_t handle, dma_address; };
struct low_memory { uint64_t size, handle; };
struct buffer { uint32_t type; uint64_t address; uint32_t size; };
struct launch {
    uint8_t engine, channel; uint64_t list; uint32_t start; uint8_t bind, count; struct buffer buffers[8];
    uint32_t first_domain, last_domain; uint8_t debug;
};
#pragma pack(pop)

#define CHECK(what) do { if (!(what)) { \
    fprintf(stderr, "line %d: %s: %s\n", __LINE__, #what, strerror(errno)); exit(2); } } while (0)

static uint32_t rotated(uint32_t x, int by) { return x << by | x >> (32 - by); }

/* RFC 1321. */
static void md5(const uint8_t *bytes, size_t length, uint8_t digest[16])
{
    static const int shifts[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
    uint32_t state[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
    uint8_t padded[2048] = {0};
    size_t blocks = (length + 8) / 64 + 1;
    memcpy(padded, bytes, length);
    padded[length] = 0x80;
    uint64_t bits = 8 * (uint64_t)length;
    memcpy(padded + blocks * 64 - 8, &bits, 8);
    for (size_t block = 0; block < blocks; block++) {
        uint32_t words[16], a = state[0], b = state[1], c = state[2], d = state[3];
        memcpy(words, padded + 64 * block, 64);
        for (int i = 0; i < 64; i++) {
            uint32_t f; int g;
            switch (i / 16) {
            case 0: f = (b & c) | (~b & d); g = i; break;
            case 1: f = (d & b) | (~d & c); g = (5 * i + 1) % 16; break;
            case 2: f = b ^ c ^ d; g = (3 * i + 5) % 16; break;
            default: f = c ^ (b | ~d); g = (7 * i) % 16;
            }
            f += a + (uint32_t)(int64_t)(fabs(sin(i + 1.0)) * 4294967296.0) + words[g];
            a = d; d = c; c = b;
            b += rotated(f, shifts[i / 16][i % 4]);
        }
        state[0] += a; state[1] += b; state[2] += c; state[3] += d;
    }
    memcpy(digest, state, 16);
}

/* Sends a control with a payload, and gives the ioctl's result. */
static int control(int device, uint32_t opcode, const void *payload, size_t length, unsigned timeout_ms)
{
    struct control control = {.length = 16 + length, .timeout_ms = timeout_ms};
    uint32_t header[4] = {__builtin_bswap32(2), 0, 0, __builtin_bswap32(opcode)};
    memcpy(control.buffer, header, 16);
    memcpy(control.buffer + 16, payload, length);
    md5(control.buffer, control.length, control.md5);
    return ioctl(device, FW_CONTROL, &control);
}

/* Creates a circular list of 16 descriptors and starts a channel on it. Returns the list's handle. */
static uint64_t started_list(int device, uint8_t channel)
{
    struct list list = {.count = 16, .page_size = 512, .circular = 1};
    CHECK(ioctl(device, DESC_LIST_CREATE, &list) == 0);
    uint8_t start[11] = {channel, 1};
    memcpy(start + 2, &list.dma_address, 8);
    start[10] = 4;
    CHECK(control(device, 0xf001, start, sizeof start, 1000) == 0);
    return list.handle;
}

static uint64_t mapped(int device, void *address, uint64_t size, uint32_t direction)
{
    struct map map = {.address = (uintptr_t)address, .size = size, .direction = direction, .allocated = ~0ull};
    CHECK(ioctl(device, BUFFER_MAP, &map) == 0);
    return map.handle;
}

static int launched(int device, uint8_t channel, uint64_t list, uint32_t start, void *address, uint32_t size)
{
    struct launch launch = {.channel = channel, .list = list, .start = start, .bind = 1, .count = 1,
                            .buffers = {{0, (uintptr_t)address, size}}, .last_domain = 2};
    return ioctl(device, LAUNCH_TRANSFER, &launch);
}
