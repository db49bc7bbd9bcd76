#!/usr/bin/env python3
"""Ask a Hailo accelerator's driver and firmware who they are, with nothing but Python's standard library.

    identify.py [DEVICE]        the first device that is found, if none is named

It shows the interface as it is: an ioctl's code says how long its argument is, the argument is a packed C struct, and
which code to use depends on the driver's release. Without a board:

    hailo emulate -- python3 hailo-linux/examples/identify.py
"""

import errno
import fcntl
import glob
import hashlib
import os
import struct
import sys

# The version query has had three codes: up to 4.17.1, from 4.18.0 to 5.0.1, and from 5.1.0 on. The argument has always
# been three 32-bit numbers. A driver answers ENOTTY to the codes of other releases.
QUERY_DRIVER_INFO = (0x400C6702, 0x400C6701, 0x400C6705)

# A firmware control: MD5, length, 1500 bytes, time-out in milliseconds, CPU.
FW_CONTROL = {True: 0xC5F86701, False: 0xC5F86E00}  # before 4.18.0, and since
FW_CONTROL_FORMAT = "<16sI1500sII"
IDENTIFY = 0
PROTOCOL_VERSION = 2


def driver_release(device):
    """The driver's release, as three numbers."""
    for code in QUERY_DRIVER_INFO:
        argument = bytearray(12)
        try:
            fcntl.ioctl(device, code, argument)
        except OSError as error:
            if error.errno != errno.ENOTTY:
                raise
        else:
            return struct.unpack("<III", argument)
    sys.exit("the driver answers to no version query that is known: it is not a Hailo driver, or a newer one")


def identify(device, release):
    """The firmware's version and the board's name."""
    request = struct.pack(">IIIII", PROTOCOL_VERSION, 0, 0, IDENTIFY, 0)
    argument = bytearray(
        struct.pack(FW_CONTROL_FORMAT, hashlib.md5(request).digest(), len(request), request, 1000, 0)
    )
    fcntl.ioctl(device, FW_CONTROL[release < (4, 18, 0)], argument)
    md5, length, answer, _, _ = struct.unpack(FW_CONTROL_FORMAT, argument)
    answer = answer[:length]
    if hashlib.md5(answer).digest() != md5:
        sys.exit("the firmware's answer was damaged on its way: its MD5 is another")

    # Version, flags, sequence, opcode; two status words; the number of parameters, each with its length before it.
    major, minor = struct.unpack_from(">II", answer, 16)
    if major or minor:
        sys.exit(f"the firmware refused to identify: status {major:#x}, {minor:#x}")
    parameters, at = [], 28
    for _ in range(struct.unpack_from(">I", answer, 24)[0]):
        (size,) = struct.unpack_from(">I", answer, at)
        parameters.append(answer[at + 4 : at + 4 + size])
        at += 4 + size
    # The firmware's version is little-endian, unlike everything around it; its upper bits are flags.
    version = struct.unpack("<III", parameters[1][:12])
    return (version[0], version[1], version[2] & 0x07FFFFFF), parameters


def main():
    nodes = sorted(glob.glob("/dev/hailo[0-9]*") + glob.glob("/dev/h1x-[0-9]*"))
    node = sys.argv[1] if len(sys.argv) > 1 else nodes[0] if nodes else None
    if node is None:
        sys.exit("no device node /dev/hailo* or /dev/h1x-*: is the driver's module loaded?")
    device = os.open(node, os.O_RDWR | os.O_CLOEXEC)
    try:
        release = driver_release(device)
        print(f"{node}: driver {'.'.join(map(str, release))}")
        firmware, _ = identify(device, release)
        print(f"{node}: firmware {'.'.join(map(str, firmware))}")
    finally:
        os.close(device)


if __name__ == "__main__":
    main()
