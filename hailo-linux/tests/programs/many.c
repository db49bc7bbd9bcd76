/* 64 threads at once; processes that end while a thread is blocked. */
#include "driver.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#define THREADS 64
#define FRAMES 20

static int device;
static pthread_barrier_t barrier;

/* Frames on a pair of channels. */
static void frames(int channel)
{
    uint64_t there = started_list(device, channel), back = started_list(device, 16 + channel);
    uint8_t *sent = aligned_alloc(4096, 4096), *received = aligned_alloc(4096, 4096);
    mapped(device, sent, 1024, 1);
    mapped(device, received, 1024, 2);
    for (int frame = 0; frame < FRAMES; frame++) {
        memset(sent, 16 * channel + frame, 1024);
        memset(received, 0, 1024);
        CHECK(launched(device, 16 + channel, back, 2 * frame % 16, received, 1024) == 2);
        CHECK(launched(device, channel, there, 2 * frame % 16, sent, 1024) == 2);
        for (uint32_t left = (1u | 1u << 16) << channel; left;) {
            struct interrupts wait = {.bitmap = {left}};
            CHECK(ioctl(device, INTERRUPTS_WAIT, &wait) == 0);
            for (int i = 0; i < wait.count; i++)
                left &= ~(1u << wait.irq[i].channel);
        }
        CHECK(memcmp(sent, received, 1024) == 0);
    }
}

static void *work(void *argument)
{
    int number = (int)(intptr_t)argument;
    pthread_barrier_wait(&barrier);
    if (number < 16) {
        frames(number);
        return NULL;
    }
    uint8_t *memory = aligned_alloc(4096, 8192);
    for (int round = 0; round < FRAMES; round++) {
        struct info info = {0};
        CHECK(ioctl(device, QUERY_DRIVER_INFO, &info) == 0 && info.minor == 23);
        uint64_t handle = mapped(device, memory, 8192, 1);
        CHECK(ioctl(device, BUFFER_UNMAP, &handle) == 0);
        int file = open("/dev/hailo0", O_RDWR | O_CLOEXEC);
        CHECK(file >= 0 && mapped(file, memory, 4096, 1) == 1 && close(file) == 0);
    }
    return NULL;
}

static void *block(void *argument)
{
    struct interrupts wait = {.bitmap = {1}};
    CHECK(write(*(int *)argument, "x", 1) == 1);
    ioctl(device, INTERRUPTS_WAIT, &wait);
    return NULL;
}

int main(void)
{
    setbuf(stdout, NULL);
    device = open("/dev/hailo0", O_RDWR | O_CLOEXEC);
    CHECK(device >= 0);
    struct enable enable = {.bitmap = {~0u}};
    CHECK(ioctl(device, ENABLE_CHANNELS, &enable) == 0);
    pthread_t threads[THREADS];
    CHECK(pthread_barrier_init(&barrier, NULL, THREADS) == 0);
    for (intptr_t i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, work, (void *)i) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(close(device) == 0);
    puts("64 threads");

    /* exit, and SIGKILL, with a thread in a wait: the file is closed, and what it had is free. */
    for (int killed = 0; killed < 2; killed++) {
        int pipes[2];
        CHECK(pipe(pipes) == 0);
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            device = open("/dev/hailo0", O_RDWR);
            CHECK(device >= 0 && ioctl(device, ENABLE_CHANNELS, &enable) == 0);
            pthread_t thread;
            CHECK(pthread_create(&thread, NULL, block, &pipes[1]) == 0);
            char byte;
            CHECK(!killed || read(pipes[0], &byte, 1) == 1);
            if (killed)
                raise(SIGKILL);
            usleep(20000);
            exit(0);
        }
        int status;
        CHECK(waitpid(child, &status, 0) == child);
        CHECK(killed ? WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL : WIFEXITED(status) && WEXITSTATUS(status) == 0);
        device = open("/dev/hailo0", O_RDWR);
        CHECK(device >= 0 && ioctl(device, ENABLE_CHANNELS, &enable) == 0);
        CHECK(close(device) == 0);
        puts(killed ? "killed" : "ended");
    }
    return 0;
}
