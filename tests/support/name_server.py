"""A name server in namespaces of its own, for one command: name_server.py NAME ADDRESS COMMAND...

Started by ``in_own_network``. Every name but NAME is unknown. Source: RFC 1035, 4.1 (message format).
"""

import fcntl
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

_SIOCSIFFLAGS = 0x8914
_UP = 0x1


def in_own_network(name: str, address: str) -> list[str]:
    """Give the words before a command that run it where *name* has *address*, and nothing else can be reached."""
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    return ["unshare", "--net", "--mount", *user, sys.executable, str(Path(__file__)), name, address]


def answer(query: bytes, name: str, address: str) -> bytes:
    """Answer one question, for an address of *name* only."""
    labels, at = [], 12
    while length := query[at]:
        labels.append(query[at + 1 : at + 1 + length].decode())
        at += 1 + length
    question = query[12 : at + 5]
    (kind,) = struct.unpack(">H", query[at + 1 : at + 3])
    is_known = ".".join(labels) == name
    has_answer = is_known and kind == 1
    header = query[:2] + struct.pack(">HHHHH", 0x8580 | (0 if is_known else 3), 1, int(has_answer), 0, 0)
    record = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + socket.inet_aton(address)
    return header + question + (record if has_answer else b"")


def _serve(server: socket.socket, name: str, address: str) -> None:
    while True:
        query, peer = server.recvfrom(1500)
        server.sendto(answer(query, name, address), peer)


def main() -> int:
    """Serve, and run the command."""
    name, address, *command = sys.argv[1:]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _UP))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server, tempfile.NamedTemporaryFile("w") as settings:
        server.bind(("127.0.0.1", 53))
        settings.write("nameserver 127.0.0.1\n")
        settings.flush()
        subprocess.run(["mount", "--bind", settings.name, "/etc/resolv.conf"], check=True)
        threading.Thread(target=_serve, args=(server, name, address), daemon=True).start()
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
