/* Signals end a wait, or restart it; a control is ended for good. */
#include "driver.h"

#include <signal.h>
#include <sys/time.h>

static volatile int caught;

static void handler(int signal) { (void)signal; caught++; }

static void alarm_in(int milliseconds, int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    struct itimerval timer = {.it_value = {.tv_usec = milliseconds * 1000}};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
}

int main(void)
{
    int device = open("/dev/hailo0", O_RDWR);
    CHECK(device >= 0);
    struct enable enable = {.bitmap = {1}};
    CHECK(ioctl(device, ENABLE_CHANNELS, &enable) == 0);
    struct interrupts wait = {.bitmap = {1}};
    alarm_in(50, 0);
    CHECK(ioctl(device, INTERRUPTS_WAIT, &wait) < 0 && errno == EINTR && caught == 1);

    /* An interrupt 300 ms from now; the signal before it is not seen. */
    struct { uint16_t delay; uint32_t from, to; } __attribute__((packed)) raise = {300, 1, 0};
    CHECK(control(device, 0xf007, &raise, sizeof raise, 1000) == 0);
    alarm_in(50, SA_RESTART);
    CHECK(ioctl(device, INTERRUPTS_WAIT, &wait) == 0 && caught == 2);

    alarm_in(50, SA_RESTART);
    CHECK(control(device, 0xf005, "", 0, 5000) < 0 && errno == EINTR && caught == 3);
    CHECK(control(device, 0xf005, "", 0, 30) < 0 && errno == ETIMEDOUT && caught == 3);
    puts("ok");
    return 0;
}
