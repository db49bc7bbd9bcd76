/* Links the library, launches once, and looks at the bytes. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int (*submit_fn)(void *device, uint32_t request, uint8_t *argument, size_t length);

extern int LAUNCH(submit_fn submit, void *device, uint8_t channel, size_t list, size_t address, uint32_t size);

/* Only linked if some way leads to it. */
#ifdef PANICS
void hailo_panicked(void)
{
    abort();
}
#endif

static int submit(void *device, uint32_t request, uint8_t *argument, size_t length)
{
    static const uint8_t version[12] = {4, 0, 0, 0, 23};
    int *launches = device;
    if (request == 0x400c6702u && length == sizeof version) {
        memcpy(argument, version, sizeof version);
        return 0;
    }
    if (request != 0x8099760fu || length != 153)
        return -25;
    *launches += argument[1] == 16 && argument[3] == 0x10 && argument[14] == 1 && argument[15] == 1
        && argument[21] == 0x70 && argument[29] == 0x10 && argument[148] == 2;
    return 7;
}

int main(void)
{
    int launches = 0;
    int descriptors = LAUNCH(submit, &launches, 16, 0x1000, 0x7000, 4096);
    printf("%d launch, %d descriptors\n", launches, descriptors);
    return launches != 1 || descriptors != 7;
}
