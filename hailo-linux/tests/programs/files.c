/* Descriptors: dup, fork, files that do not know each other, memory of the driver. */
#include "driver.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

int main(void)
{
    int device = open("/dev/hailo0", O_RDWR | O_CLOEXEC), other = open("/dev/hailo0", O_RDWR | O_CLOEXEC);
    CHECK(device >= 0 && other >= 0 && device != other);
    CHECK(open("/dev/hailo1", O_RDWR) < 0 && errno == ENOENT);
    struct stat status;
    CHECK(fstat(device, &status) == 0 && S_ISCHR(status.st_mode));
    CHECK(stat("/dev/hailo0", &status) == 0 && S_ISCHR(status.st_mode));
    char byte = 0;
    CHECK(read(device, &byte, 1) < 0 && errno == EINVAL);
    CHECK(write(device, &byte, 1) < 0 && errno == EINVAL);
    CHECK(lseek(device, 0, SEEK_SET) < 0 && errno == ESPIPE);

    uint8_t *memory = aligned_alloc(4096, 4096);
    CHECK(mapped(device, memory, 4096, 1) == 1);
    int copy = dup(device);
    CHECK(mapped(copy, memory, 4096, 1) == 2);
    CHECK(mapped(other, memory, 4096, 1) == 1);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        /* A child's memory is its own, but the file is its parent's. */
        uint8_t *own = aligned_alloc(4096, 4096);
        _exit(mapped(device, own, 4096, 1) == 3 ? 7 : 1);
    }
    int ended;
    CHECK(waitpid(child, &ended, 0) == child && WIFEXITED(ended) && WEXITSTATUS(ended) == 7);
    CHECK(close(device) == 0);
    CHECK(ioctl(device, QUERY_DRIVER_INFO, &status) < 0 && errno == EBADF);
    CHECK(mapped(copy, memory, 4096, 1) == 4); /* open as long as there is a copy */

    struct low_memory low = {.size = 8192};
    CHECK(ioctl(copy, LOW_MEMORY_BUFFER_ALLOC, &low) == 0);
    /* Before any other: a descriptor through which memory was mapped is another one. */
    uint8_t *private = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, copy, low.handle);
    CHECK(private != MAP_FAILED && private[5000] == 0);
    CHECK(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, other, low.handle) == MAP_FAILED && errno == EINVAL);
    uint8_t *first = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, copy, low.handle);
    CHECK(first != MAP_FAILED);
    first[5000] = 42;
    CHECK(private[5000] == 42);
    private[5000] = 1;
    CHECK(first[5000] == 42);
    uint8_t *area = mmap(NULL, 16384, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, copy, 0);
    CHECK(area != MAP_FAILED);
    uint8_t *fixed = mmap(area + 4096, 8192, PROT_READ, MAP_SHARED | MAP_FIXED, copy, low.handle);
    CHECK(fixed == area + 4096 && fixed[5000] == 42);
    uint8_t *second = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, copy, low.handle);
    CHECK(second != MAP_FAILED && second[5000] == 42);
    CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, copy, 1 << 20) == MAP_FAILED && errno == EINVAL);
    struct map map = {.size = 8192, .direction = 1, .allocated = low.handle};
    CHECK(ioctl(copy, BUFFER_MAP, &map) == 0 && map.handle == 5); /* the descriptor still is the device */
    struct info info = {0};
    CHECK(ioctl(copy, QUERY_DRIVER_INFO, &info) == 0 && info.major == 4 && info.minor == 23);
    CHECK(ioctl(copy, QUERY_DRIVER_INFO, 8) < 0 && errno == ENOMEM);
    CHECK(ioctl(copy, 0x1234, &info) < 0 && errno == ENOTTY);
    puts("ok");
    return 3;
}
