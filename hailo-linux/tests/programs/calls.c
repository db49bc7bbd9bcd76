/* How long calls take, in nanoseconds: calls COUNT */
#include "driver.h"

#include <sys/syscall.h>
#include <time.h>

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e9 + time.tv_nsec;
}

#define MEASURE(name, body) do { double begin = now(); for (long i = 0; i < count; i++) { body; } \
    printf("%s\t%.0f\n", name, (now() - begin) / count); } while (0)

int main(int argc, char **argv)
{
    long count = argc > 1 ? atol(argv[1]) : 1000;
    int null = open("/dev/null", O_RDWR), device = open("/dev/hailo0", O_RDWR);
    char bytes[64] = {0};
    CHECK(null >= 0);
    MEASURE("write to a file", CHECK(write(null, bytes, sizeof bytes) == sizeof bytes));
    MEASURE("getppid", syscall(SYS_getppid));
    MEASURE("open and close a file", int file = open("/dev/null", O_RDONLY); CHECK(close(file) == 0));
    MEASURE("map and unmap memory", void *at = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            CHECK(munmap(at, 4096) == 0));
    MEASURE("ioctl of another file", ioctl(null, 0x5401, bytes));
    if (device < 0)
        return 0;
    struct info info;
    MEASURE("QUERY_DRIVER_INFO", CHECK(ioctl(device, QUERY_DRIVER_INFO, &info) == 0));
    struct map map = {.address = (uintptr_t)aligned_alloc(4096, 4096), .size = 4096, .direction = 1, .allocated = ~0ull};
    MEASURE("BUFFER_MAP and UNMAP", CHECK(ioctl(device, BUFFER_MAP, &map) == 0);
            CHECK(ioctl(device, BUFFER_UNMAP, &map.handle) == 0));
    MEASURE("IDENTIFY control", CHECK(control(device, 0, "", 0, 1000) == 0));
    return 0;
}
