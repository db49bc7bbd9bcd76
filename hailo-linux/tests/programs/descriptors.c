/* Where descriptors of a device go: exec, vfork, dup2, messages; and flags that the driver ignores. */
#include "driver.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>

#define MARK_AS_IN_USE 0x4001760c

static int in_use(int device)
{
    uint8_t marked = 0xff;
    CHECK(ioctl(device, MARK_AS_IN_USE, &marked) == 0);
    return marked;
}

static int ended(pid_t child)
{
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void handler(int signal) { (void)signal; }

int main(int argc, char **argv)
{
    if (argc > 1) {
        struct info info = {0};
        int result = ioctl(atoi(argv[1]), QUERY_DRIVER_INFO, &info);
        return result == 0 ? (int)info.minor : errno;
    }
    int device = open("/dev/hailo0", O_RDWR), other = open("/dev/hailo0", O_RDWR);
    int closing = open("/dev/hailo0", O_RDWR | O_CLOEXEC);
    CHECK(device >= 0 && other >= 0 && closing >= 0);
    CHECK(!(fcntl(device, F_GETFD) & FD_CLOEXEC) && fcntl(closing, F_GETFD) & FD_CLOEXEC);

    /* Those that are not closed on exec are there afterwards. */
    for (int by_vfork = 0; by_vfork < 2; by_vfork++) {
        char number[16], closed[16];
        snprintf(number, sizeof number, "%d", device);
        snprintf(closed, sizeof closed, "%d", closing);
        pid_t child = by_vfork ? vfork() : fork();
        if (child == 0) {
            execl("/proc/self/exe", argv[0], number, NULL);
            _exit(1);
        }
        CHECK(ended(child) == 23);
        child = by_vfork ? vfork() : fork();
        if (child == 0) {
            execl("/proc/self/exe", argv[0], closed, NULL);
            _exit(1);
        }
        CHECK(ended(child) == EBADF);
    }
    puts("exec");

    /* A descriptor that takes the place of the last one closes the file. */
    CHECK(in_use(device) == 0 && in_use(other) == 1);
    int null = open("/dev/null", O_RDWR);
    CHECK(dup2(null, device) == device);
    CHECK(in_use(other) == 0);
    CHECK(ioctl(device, QUERY_DRIVER_INFO, &null) < 0 && errno == ENOTTY);
    /* And one that is put in the place of another file is the device. */
    CHECK(dup2(other, device) == device);
    CHECK(in_use(device) == 0);
    CHECK(close(other) == 0 && in_use(closing) == 1);
    CHECK(close(device) == 0 && in_use(closing) == 0);
    puts("dup2");

    /* A descriptor in a message is the same file, for a process that never opened it. */
    int ends[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    char byte = 0, control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8))) = {0};
    struct iovec data = {&byte, 1};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    if (child == 0) {
        CHECK(close(closing) == 0);
        CHECK(recvmsg(ends[0], &message, 0) == 1);
        int received;
        memcpy(&received, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof received);
        uint8_t *memory = aligned_alloc(4096, 4096);
        _exit(mapped(received, memory, 4096, 1) == 2 ? 7 : 1);
    }
    int sent = open("/dev/hailo0", O_RDWR | O_NONBLOCK);
    CHECK(sent >= 0);
    CHECK(mapped(sent, aligned_alloc(4096, 4096), 4096, 1) == 1);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof sent);
    memcpy(CMSG_DATA(header), &sent, sizeof sent);
    CHECK(sendmsg(ends[1], &message, 0) == 1);
    CHECK(ended(child) == 7);
    CHECK(mapped(sent, aligned_alloc(4096, 4096), 4096, 1) == 3);
    puts("message");

    /* Not blocking is remembered, and ignored. */
    CHECK(fcntl(sent, F_GETFL) & O_NONBLOCK && !(fcntl(closing, F_GETFL) & O_NONBLOCK));
    struct enable enable = {.bitmap = {1}};
    CHECK(ioctl(sent, ENABLE_CHANNELS, &enable) == 0);
    struct sigaction action = {.sa_handler = handler};
    struct itimerval timer = {.it_value = {.tv_usec = 50000}};
    CHECK(sigaction(SIGALRM, &action, NULL) == 0 && setitimer(ITIMER_REAL, &timer, NULL) == 0);
    struct interrupts wait = {.bitmap = {1}};
    CHECK(ioctl(sent, INTERRUPTS_WAIT, &wait) < 0 && errno == EINTR);
    /* A file whose call a signal has ended is closed at once. */
    CHECK(close(sent) == 0);
    CHECK(ioctl(closing, ENABLE_CHANNELS, &enable) == 0);
    puts("blocking");
    return 0;
}
