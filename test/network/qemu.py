"""A QEMU guest's network card as seen from outside: bridges a TAP device in a network namespace to a socket that speaks
the framing of QEMU's netdevs, written from their documentation alone.

Usage: qemu.py NAMESPACE TAP stream-connect HOST PORT | stream-listen PORT | dgram LOCALPORT HOST PORT
"""
import ctypes
import fcntl
import os
import select
import socket
import struct
import sys

TUNSETIFF = 0x400454CA
IFF_TAP_NO_PI = 0x1002
CLONE_NEWNET = 0x40000000

namespace, name, mode, *place = sys.argv[1:]
if mode == "stream-connect":
    link = socket.create_connection((place[0], int(place[1])))
elif mode == "stream-listen":
    listener = socket.create_server(("127.0.0.1", int(place[0])))
    print(listener.getsockname()[1], flush=True)
    link, _ = listener.accept()
else:
    link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    link.bind(("127.0.0.1", int(place[0])))
    link.connect((place[1], int(place[2])))

# The socket stays where it is; the device is made in the namespace.
with open(f"/var/run/netns/{namespace}") as file:
    if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET) != 0:
        sys.exit("setns failed")
tap = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TAP_NO_PI))
print("ready", flush=True)

pending = b""
while True:
    ready, _, _ = select.select([tap, link], [], [])
    if tap in ready:
        frame = os.read(tap, 65536)
        try:
            link.sendall(frame if mode == "dgram" else struct.pack("!I", len(frame)) + frame)
        except OSError:
            pass  # nobody is there
    if link in ready:
        try:
            data = link.recv(1 << 18)
        except OSError:
            continue
        if mode == "dgram":
            frames = [data]
        elif not data:
            break
        else:
            pending += data
            frames = []
            while len(pending) >= 4 and len(pending) >= 4 + struct.unpack("!I", pending[:4])[0]:
                length = struct.unpack("!I", pending[:4])[0]
                frames.append(pending[4 : 4 + length])
                pending = pending[4 + length :]
        for frame in frames:
            try:
                os.write(tap, frame)
            except OSError:
                pass  # the device is not up yet
