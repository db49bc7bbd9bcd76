/* One thread waits for interrupts while another launches transfers: channel 16 gives back what channel 0 takes. */
#include "driver.h"

#include <pthread.h>

#define FRAME 1024
#define FRAMES 5

static int device;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int completed;

static void *wait(void *argument)
{
    (void)argument;
    for (;;) {
        struct interrupts wait = {.bitmap = {1 << 16}};
        CHECK(ioctl(device, INTERRUPTS_WAIT, &wait) == 0);
        if (wait.count == 0)
            return NULL; /* disabled */
        pthread_mutex_lock(&lock);
        completed += wait.irq[0].data;
        pthread_cond_signal(&changed);
        pthread_mutex_unlock(&lock);
    }
}

int main(void)
{
    device = open("/dev/hailo0", O_RDWR | O_CLOEXEC);
    CHECK(device >= 0);
    uint64_t there = started_list(device, 0), back = started_list(device, 16);
    uint8_t *sent = aligned_alloc(4096, 4096), *received = aligned_alloc(4096, 4096);
    uint64_t first = mapped(device, sent, FRAME, 1), second = mapped(device, received, FRAME, 2);
    struct enable enable = {.bitmap = {1 | 1 << 16}};
    CHECK(ioctl(device, ENABLE_CHANNELS, &enable) == 0);
    pthread_t waiter;
    CHECK(pthread_create(&waiter, NULL, wait, NULL) == 0);
    for (int frame = 0; frame < FRAMES; frame++) {
        usleep(2000); /* the waiter is blocked by now */
        memset(sent, 'a' + frame, FRAME);
        memset(received, 0, FRAME);
        CHECK(launched(device, 16, back, 2 * frame, received, FRAME) == 2);
        CHECK(launched(device, 0, there, 2 * frame, sent, FRAME) == 2);
        pthread_mutex_lock(&lock);
        while (completed <= frame)
            pthread_cond_wait(&changed, &lock);
        pthread_mutex_unlock(&lock);
        CHECK(memcmp(sent, received, FRAME) == 0);
    }
    struct disable disable = {.bitmap = {1 | 1 << 16}};
    CHECK(ioctl(device, DISABLE_CHANNELS, &disable) == 0);
    CHECK(pthread_join(waiter, NULL) == 0);
    CHECK(ioctl(device, DESC_LIST_RELEASE, &there) == 0);
    CHECK(ioctl(device, DESC_LIST_RELEASE, &back) == 0);
    CHECK(ioctl(device, BUFFER_UNMAP, &first) == 0);
    CHECK(ioctl(device, BUFFER_UNMAP, &second) == 0);
    CHECK(close(device) == 0);
    printf("%d frames\n", completed);
    return 0;
}
