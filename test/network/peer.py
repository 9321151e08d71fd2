"""One end of a transfer on the kernel's stack: prints the SHA-256 of all bytes it has sent or received.

Usage: peer.py listen|connect ADDRESS PORT send|receive BYTES
"""
import hashlib
import socket
import sys

how, address, port, deed, count = sys.argv[1:]
end = (address, int(port))
if how == "listen":
    listener = socket.create_server(end, reuse_port=False)
    print("ready", flush=True)
    peer, _ = listener.accept()
else:
    peer = socket.create_connection(end, timeout=60)
    print("ready", flush=True)
peer.settimeout(120)
digest = hashlib.sha256()
left = int(count)
if deed == "send":
    block = bytes((i * 73 + (i >> 8) * 31) & 255 for i in range(1 << 20))
    number = 0
    while left > 0:
        piece = (number.to_bytes(8, "big") + block[8:])[:left]
        digest.update(piece)
        peer.sendall(piece)
        left -= len(piece)
        number += 1
    peer.shutdown(socket.SHUT_WR)
    while peer.recv(65536):
        pass
else:
    while data := peer.recv(1 << 20):
        digest.update(data)
        left -= len(data)
peer.close()
print(digest.hexdigest(), flush=True)
sys.exit(0 if left == 0 else 1)
