/* The calls of one frame, filled and submitted in C: what `encode.rs` is compared with. Structs of release 4.23.0, 64 bits. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MAX_BUFFERS 8
#define MAX_INTERRUPTS 96

struct __attribute__((packed)) transfer_buffer {
    uint32_t buffer_type;
    uint64_t addr_or_fd;
    uint32_t size;
};

struct __attribute__((packed)) launch_transfer {
    uint8_t engine_index;
    uint8_t channel_index;
    uint64_t desc_handle;
    uint32_t starting_desc;
    uint8_t should_bind;
    uint8_t buffers_count;
    struct transfer_buffer buffers[MAX_BUFFERS];
    uint32_t first_interrupts_domain;
    uint32_t last_interrupts_domain;
    uint8_t is_debug;
};

struct __attribute__((packed)) interrupt {
    uint8_t engine_index;
    uint8_t channel_index;
    uint8_t data;
};

struct __attribute__((packed)) interrupts_wait {
    uint32_t channels_bitmap_per_engine[3];
    uint8_t channels_count;
    struct interrupt irq_data[MAX_INTERRUPTS];
};

_Static_assert(sizeof(struct launch_transfer) == 153, "launch_transfer");
_Static_assert(sizeof(struct interrupts_wait) == 301, "interrupts_wait");

#define LAUNCH_REQUEST 0x8099760fu
#define WAIT_REQUEST 0xc12d7602u

/* What a program knows of a transfer. */
struct buffer {
    uint64_t address;
    uint32_t size;
};

struct transfer {
    uint8_t channel;
    uint64_t list;
    uint32_t first;
    uint8_t buffers_count;
    struct buffer buffers[MAX_BUFFERS];
};

typedef int (*submit_fn)(void *device, uint32_t request, void *argument);

static __attribute__((noinline)) int submit_nothing(void *device, uint32_t request, void *argument)
{
    __asm__ volatile("" : : "r"(device), "r"(request), "r"(argument) : "memory");
    return 1;
}

static __attribute__((noinline)) int submit_wait(void *device, uint32_t request, void *argument)
{
    struct interrupts_wait *wait = argument;
    __asm__ volatile("" : : "r"(device), "r"(request), "r"(argument) : "memory");
    wait->channels_count = 2;
    wait->irq_data[0] = (struct interrupt){0, 0, 1};
    wait->irq_data[1] = (struct interrupt){0, 16, 1};
    return 0;
}

static __attribute__((noinline)) int launch(submit_fn submit, void *device, const struct transfer *transfer)
{
    struct launch_transfer argument;
    memset(&argument, 0, sizeof argument);
    argument.channel_index = transfer->channel;
    argument.desc_handle = transfer->list;
    argument.starting_desc = transfer->first;
    argument.should_bind = 1;
    argument.buffers_count = transfer->buffers_count;
    for (unsigned i = 0; i < transfer->buffers_count; i++) {
        argument.buffers[i].addr_or_fd = transfer->buffers[i].address;
        argument.buffers[i].size = transfer->buffers[i].size;
    }
    argument.last_interrupts_domain = 2;
    return submit(device, LAUNCH_REQUEST, &argument);
}

static __attribute__((noinline)) int wait_for(submit_fn submit, void *device, const uint64_t *channels,
                                              struct interrupts_wait *argument)
{
    int sum = 0;
    for (unsigned engine = 0; engine < 3; engine++)
        argument->channels_bitmap_per_engine[engine] = (uint32_t)channels[engine];
    if (submit(device, WAIT_REQUEST, argument) < 0)
        return -1;
    for (unsigned i = 0; i < argument->channels_count && i < MAX_INTERRUPTS; i++)
        if (argument->irq_data[i].data < 0xfe)
            sum += argument->irq_data[i].data;
    return sum;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    long count = atol(argv[2]);
    int buffers = atoi(argv[1] + (argv[1][0] == 'l' ? strlen("launch-") : 0));
    struct transfer transfer = {.channel = 16, .list = 0x1000, .first = 3, .buffers_count = (uint8_t)buffers};
    uint64_t channels[3] = {0x10001, 0, 0};
    struct interrupts_wait wait;
    submit_fn nothing = submit_nothing, interrupts = submit_wait;
    long sum = 0;
    memset(&wait, 0, sizeof wait);
    for (int i = 0; i < MAX_BUFFERS; i++)
        transfer.buffers[i] = (struct buffer){0x7f0000001000u + 0x1000u * i, 4096};
    for (long i = 0; i < count; i++) {
        /* Nothing is known of these at compile time. */
        __asm__ volatile("" : "+r"(nothing), "+r"(interrupts) : "r"(&transfer), "r"(channels), "r"(&wait) : "memory");
        sum += argv[1][0] == 'l' ? launch(nothing, NULL, &transfer) : wait_for(interrupts, NULL, channels, &wait);
    }
    return sum == 0;
}
