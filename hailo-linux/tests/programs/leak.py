"""Ends without having released anything."""

import fcntl
import mmap
import os
import struct

device = os.open("/dev/hailo0", os.O_RDWR)
memory = mmap.mmap(-1, 8192)
import ctypes

address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
for _ in range(2):
    fcntl.ioctl(device, 0xC0287604, bytearray(struct.pack("<QQIIQQ", address, 8192, 1, 0, 2**64 - 1, 0)))
fcntl.ioctl(device, 0xC01B7607, bytearray(struct.pack("<QHBQQ", 16, 512, 0, 0, 0)))
os._exit(0)
