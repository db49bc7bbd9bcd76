/* What `encode.rs` is compared with: the same in C. Structs of release 4.23.0, 64 bits. */

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

struct __attribute__((packed)) buffer_sync {
    uint64_t handle;
    uint32_t sync_type;
    uint64_t offset;
    uint64_t count;
};

struct __attribute__((packed)) buffer_map {
    uint64_t user_address;
    uint64_t size;
    uint32_t data_direction;
    uint32_t buffer_type;
    uint64_t allocated_buffer_handle;
    uint64_t mapped_handle;
};

struct __attribute__((packed)) program {
    uint64_t buffer_handle;
    uint64_t buffer_size;
    uint64_t buffer_offset;
    uint32_t batch_size;
    uint64_t desc_handle;
    uint8_t channel_index;
    uint32_t starting_desc;
    uint8_t should_bind;
    uint32_t last_interrupts_domain;
    uint8_t is_debug;
    uint32_t stride;
};

struct descriptor {
    uint32_t page_size_desc_control;
    uint32_t addr_l_rsvd_data_id;
    uint32_t addr_h;
    uint32_t remaining_page_size_status;
};

_Static_assert(sizeof(struct buffer_sync) == 28, "buffer_sync");
_Static_assert(sizeof(struct buffer_map) == 40, "buffer_map");
_Static_assert(sizeof(struct program) == 51, "program");

#define LAUNCH_REQUEST 0x8099760fu
#define SYNC_REQUEST 0x801c7606u
#define MAP_REQUEST 0xc0287604u
#define PROGRAM_REQUEST 0x80337609u
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

static void fill_launch(struct launch_transfer *argument, const struct transfer *transfer)
{
    memset(argument, 0, sizeof *argument);
    argument->channel_index = transfer->channel;
    argument->desc_handle = transfer->list;
    argument->starting_desc = transfer->first;
    argument->should_bind = 1;
    argument->buffers_count = transfer->buffers_count;
    for (unsigned i = 0; i < transfer->buffers_count; i++) {
        argument->buffers[i].addr_or_fd = transfer->buffers[i].address;
        argument->buffers[i].size = transfer->buffers[i].size;
    }
    argument->last_interrupts_domain = 2;
}

static __attribute__((noinline)) int launch(submit_fn submit, void *device, const struct transfer *transfer)
{
    struct launch_transfer argument;
    fill_launch(&argument, transfer);
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

static __attribute__((noinline)) int synchronise(submit_fn submit, void *device, const struct buffer_sync *params)
{
    struct buffer_sync argument = *params;
    return submit(device, SYNC_REQUEST, &argument);
}

static __attribute__((noinline)) int map(submit_fn submit, void *device, const struct buffer *buffer, uint64_t *mapped)
{
    struct buffer_map argument = {.user_address = buffer->address, .size = buffer->size, .data_direction = 1,
                                  .allocated_buffer_handle = UINT64_MAX};
    int result = submit(device, MAP_REQUEST, &argument);
    *mapped = argument.mapped_handle;
    return result;
}

static __attribute__((noinline)) int program(submit_fn submit, void *device, const struct program *params)
{
    struct program argument = *params;
    return submit(device, PROGRAM_REQUEST, &argument);
}

/* What a driver does first with an argument that it was given: look for the request, check the length, take the fields. */

struct command {
    uint32_t request;
    union {
        struct {
            uint8_t engine, channel, bind, debug, buffers_count;
            uint32_t first, first_domain, last_domain;
            uint64_t list;
            struct {
                uint32_t type, size;
                uint64_t address;
            } buffers[MAX_BUFFERS];
        } launch;
        uint32_t channels[3];
        struct {
            uint64_t handle, offset, count;
            uint32_t type;
        } sync;
    };
};

static __attribute__((noinline)) int decode(struct command *command, uint32_t request, const void *bytes, size_t length)
{
    command->request = request;
    switch (request) {
    case LAUNCH_REQUEST: {
        const struct launch_transfer *from = bytes;
        if (length != sizeof *from)
            return -1;
        command->launch.engine = from->engine_index;
        command->launch.channel = from->channel_index;
        command->launch.list = from->desc_handle;
        command->launch.first = from->starting_desc;
        command->launch.bind = from->should_bind != 0;
        command->launch.buffers_count = from->buffers_count;
        for (unsigned i = 0; i < MAX_BUFFERS; i++) {
            command->launch.buffers[i].type = from->buffers[i].buffer_type;
            command->launch.buffers[i].address = from->buffers[i].addr_or_fd;
            command->launch.buffers[i].size = from->buffers[i].size;
        }
        command->launch.first_domain = from->first_interrupts_domain;
        command->launch.last_domain = from->last_interrupts_domain;
        command->launch.debug = from->is_debug != 0;
        return 0;
    }
    case WAIT_REQUEST: {
        const struct interrupts_wait *from = bytes;
        if (length != sizeof *from)
            return -1;
        memcpy(command->channels, from->channels_bitmap_per_engine, sizeof command->channels);
        return 0;
    }
    case SYNC_REQUEST: {
        const struct buffer_sync *from = bytes;
        if (length != sizeof *from)
            return -1;
        command->sync.handle = from->handle;
        command->sync.type = from->sync_type;
        command->sync.offset = from->offset;
        command->sync.count = from->count;
        return 0;
    }
    case MAP_REQUEST:
    case PROGRAM_REQUEST:
    default:
        return -1;
    }
}

static __attribute__((noinline)) int sum(const struct interrupts_wait *answer)
{
    int sum = 0;
    for (unsigned i = 0; i < answer->channels_count && i < MAX_INTERRUPTS; i++)
        if (answer->irq_data[i].data < 0xfe)
            sum += answer->irq_data[i].data;
    return sum;
}

static __attribute__((noinline)) void answer(struct interrupts_wait *argument, const struct interrupt *interrupts,
                                             unsigned count)
{
    argument->channels_count = (uint8_t)count;
    for (unsigned i = 0; i < count && i < MAX_INTERRUPTS; i++)
        argument->irq_data[i] = interrupts[i];
}

static __attribute__((noinline)) void write_descriptor(struct descriptor *descriptor, uint64_t address, unsigned domain)
{
    uint32_t control = 2 | (domain & 3) << 4;
    if (domain & 3)
        control |= 4 | 8;
    descriptor->page_size_desc_control = 4096u << 8 | control;
    descriptor->addr_l_rsvd_data_id = (uint32_t)address & ~63u;
    descriptor->addr_h = (uint32_t)(address >> 32);
    descriptor->remaining_page_size_status = 0;
}

static __attribute__((noinline)) uint64_t read_descriptor(const struct descriptor *descriptor)
{
    uint64_t address = (uint64_t)descriptor->addr_h << 32 | (descriptor->addr_l_rsvd_data_id & ~63u);
    return address + (descriptor->page_size_desc_control >> 8) + (descriptor->page_size_desc_control & 255)
           + (descriptor->remaining_page_size_status & 255);
}

/* Nothing is known of what is behind this pointer at compile time. */
static void *hide(void *pointer)
{
    __asm__ volatile("" : "+r"(pointer) : : "memory");
    return pointer;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    const char *name = argv[1];
    long count = atol(argv[2]);
    const char *digits = strpbrk(name, "0123456789");
    struct transfer transfer = {.channel = 16, .list = 0x1000, .first = 3};
    transfer.buffers_count = digits ? (uint8_t)atoi(digits) : 1;
    uint64_t channels[3] = {0x10001, 0, 0}, mapped = 0;
    struct interrupts_wait wait = {.channels_bitmap_per_engine = {0x10001, 0, 0}};
    struct interrupt interrupts[2] = {{0, 0, 1}, {0, 16, 1}};
    struct buffer_sync sync = {7, 1, 4096, 8192}, sync_argument = sync;
    struct program list = {7, 4096, 0, 1, 0x1000, 16, 3, 1, 2, 0, 0};
    struct launch_transfer argument;
    struct descriptor descriptor;
    struct command command;
    submit_fn nothing = submit_nothing, waits = submit_wait;
    for (int i = 0; i < MAX_BUFFERS; i++)
        transfer.buffers[i] = (struct buffer){0x7f0000001000u + 0x1000u * i, 4096};
    fill_launch(&argument, &transfer);
    write_descriptor(&descriptor, 0x123456000, 2);
    long result = 1;

#define CASE(prefix, statement)                                                                                        \
    else if (strncmp(name, prefix, strlen(prefix)) == 0) for (long i = 0; i < count; i++)                              \
    {                                                                                                                  \
        __asm__ volatile("" : "+r"(nothing), "+r"(waits) : : "memory");                                                \
        statement;                                                                                                     \
        __asm__ volatile("" : "+r"(result) : : "memory");                                                              \
    }

    if (count < 0)
        return 2;
    CASE("call launch", result += launch(nothing, NULL, hide(&transfer)))
    CASE("call wait", result += wait_for(waits, NULL, hide(channels), hide(&wait)))
    CASE("call sync", result += synchronise(nothing, NULL, hide(&sync)))
    CASE("call map", result += map(nothing, NULL, hide(transfer.buffers), &mapped))
    CASE("call program", result += program(nothing, NULL, hide(&list)))
    CASE("encode launch", fill_launch(hide(&argument), hide(&transfer)))
    CASE("encode wait", memset(hide(&wait), 0, sizeof wait); memcpy(wait.channels_bitmap_per_engine, hide(channels), 12))
    CASE("encode sync", memcpy(hide(&sync_argument), hide(&sync), sizeof sync))
    CASE("decode launch", result += decode(hide(&command), LAUNCH_REQUEST, hide(&argument), sizeof argument))
    CASE("decode wait", result += decode(hide(&command), WAIT_REQUEST, hide(&wait), sizeof wait))
    CASE("decode sync", result += decode(hide(&command), SYNC_REQUEST, hide(&sync), sizeof sync))
    CASE("encode answer", answer(hide(&wait), hide(interrupts), 2))
    CASE("decode answer", result += sum(hide(&wait)))
    CASE("encode descriptor", write_descriptor(hide(&descriptor), 0x123456000 + 4096 * (uint64_t)i, 2))
    CASE("decode descriptor", result += (long)read_descriptor(hide(&descriptor)))
    else return 2;
    return result == 0;
}
