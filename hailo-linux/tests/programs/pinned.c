/* The device uses the pages that were mapped, whatever the program does with its addresses. */
#include "driver.h"

#include <sys/wait.h>

#define FRAME 4096
#define STEP (FRAME / 512)

static int device;
static uint64_t there, back;
static uint32_t next_there, next_back;

static uint8_t *pages(void *at, size_t length, int value)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | (at ? MAP_FIXED : 0);
    uint8_t *memory = mmap(at, length, PROT_READ | PROT_WRITE, flags, -1, 0);
    CHECK(memory != MAP_FAILED);
    memset(memory, value, length);
    return memory;
}

static void send(void *memory)
{
    CHECK(launched(device, 0, there, next_there, memory, FRAME) == STEP);
    next_there = (next_there + STEP) % 16;
}

static void receive(void *memory)
{
    CHECK(launched(device, 16, back, next_back, memory, FRAME) == STEP);
    next_back = (next_back + STEP) % 16;
}

static void wait_for_both(void)
{
    for (uint32_t left = 1 | 1 << 16; left;) {
        struct interrupts wait = {.bitmap = {left}};
        CHECK(ioctl(device, INTERRUPTS_WAIT, &wait) == 0);
        for (int i = 0; i < wait.count; i++)
            left &= ~(1u << wait.irq[i].channel);
    }
}

static int all(const uint8_t *memory, int value)
{
    for (int i = 0; i < FRAME; i++)
        if (memory[i] != value)
            return 0;
    return 1;
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        /* The program that was run in the place of another: its memory is its own. */
        uint8_t *mine = pages((void *)strtoull(argv[1], NULL, 16), FRAME, 'n');
        device = atoi(argv[2]);
        there = 0x1000;
        next_there = atoi(argv[3]);
        uint8_t *source = pages(NULL, FRAME, 's');
        mapped(device, source, FRAME, 1);
        send(source); /* what waits for it is where the old program's buffer was */
        wait_for_both();
        CHECK(all(mine, 'n'));
        puts("other program");
        return 0;
    }
    device = open("/dev/hailo0", O_RDWR);
    CHECK(device >= 0);
    there = started_list(device, 0);
    back = started_list(device, 16);
    CHECK(there == 0x1000);
    struct enable enable = {.bitmap = {1 | 1 << 16}};
    CHECK(ioctl(device, ENABLE_CHANNELS, &enable) == 0);
    uint8_t *sent = pages(NULL, FRAME, 'a'), *received = pages(NULL, FRAME, 'r');
    mapped(device, sent, FRAME, 1);
    mapped(device, received, FRAME, 2);

    /* Unmapped before it is sent: the device still has the pages, and not what is there now. */
    CHECK(munmap(sent, FRAME) == 0);
    CHECK(pages(sent, FRAME, 'b') == sent);
    receive(received);
    send(sent);
    wait_for_both();
    CHECK(all(received, 'a') && all(sent, 'b'));
    puts("unmapped source");

    /* Unmapped while the device is about to write there: whoever has the addresses now is left alone. */
    receive(received);
    CHECK(munmap(received, FRAME) == 0);
    CHECK(pages(received, FRAME, 'q') == received);
    send(sent);
    wait_for_both();
    CHECK(all(received, 'q'));
    puts("unmapped destination");

    /* Other memory in its place at once. */
    uint8_t *replaced = pages(NULL, FRAME, 'r');
    mapped(device, replaced, FRAME, 2);
    receive(replaced);
    pages(replaced, FRAME, 'z');
    send(sent);
    wait_for_both();
    CHECK(all(replaced, 'z'));
    puts("replaced destination");

    /* A child has a copy; the pages are the parent's. */
    uint8_t *shared = pages(NULL, FRAME, 'p');
    mapped(device, shared, FRAME, 2);
    receive(shared);
    int pipes[2];
    CHECK(pipe(pipes) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        char byte;
        CHECK(read(pipes[0], &byte, 1) == 1);
        CHECK(all(shared, 'p'));
        _exit(7);
    }
    send(sent);
    wait_for_both();
    CHECK(all(shared, 'a'));
    CHECK(write(pipes[1], "x", 1) == 1);
    int ended;
    CHECK(waitpid(child, &ended, 0) == child && WIFEXITED(ended) && WEXITSTATUS(ended) == 7);
    puts("forked");

    /* The end of the process, with a transfer under way. */
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        uint8_t *own = pages(NULL, FRAME, 'o');
        mapped(device, own, FRAME, 2);
        receive(own);
        _exit(0);
    }
    CHECK(waitpid(child, &ended, 0) == child && WIFEXITED(ended) && WEXITSTATUS(ended) == 0);
    next_back = (next_back + STEP) % 16;
    send(sent);
    wait_for_both();
    puts("ended");

    /* Another program in the place of this one, which has the file and a transfer under way. */
    receive(shared);
    char address[32], number[16], next[16];
    snprintf(address, sizeof address, "%lx", (unsigned long)shared);
    snprintf(number, sizeof number, "%d", device);
    snprintf(next, sizeof next, "%d", next_there);
    fflush(stdout);
    /* A failure on the way changes nothing. */
    execl("/no/such/program", "x", NULL);
    execl("/proc/self/exe", argv[0], address, number, next, NULL);
    return 1;
}
