"""Bridges a TAP device to standard input and output, frame by frame, each with a 32-bit big-endian length in front.

Node cannot make a TAP device itself (it takes an ioctl). Usage: tap.py NAME, as root, inside a network namespace.
"""
import fcntl
import os
import select
import struct
import sys

TUNSETIFF = 0x400454CA
IFF_TAP = 0x0002
IFF_NO_PI = 0x1000


def main():
    tap = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH", sys.argv[1].encode(), IFF_TAP | IFF_NO_PI))
    os.write(1, struct.pack(">I", 0))  # an empty frame: ready
    pending = b""
    while True:
        ready, _, _ = select.select([tap, 0], [], [])
        if tap in ready:
            frame = os.read(tap, 65536)
            write_all(struct.pack(">I", len(frame)) + frame)
        if 0 in ready:
            data = os.read(0, 1 << 20)
            if not data:
                return
            pending += data
            at = 0
            while len(pending) - at >= 4:
                (length,) = struct.unpack_from(">I", pending, at)
                if len(pending) - at < 4 + length:
                    break
                try:
                    os.write(tap, pending[at + 4 : at + 4 + length])
                except OSError:
                    pass  # the device is down: the frame is lost, as on any cable
                at += 4 + length
            pending = pending[at:]


def write_all(data):
    while data:
        data = data[os.write(1, data) :]


main()
