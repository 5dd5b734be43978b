"""Small programs that say what became of a connection.

  witness.py serve NAME PORT...      TCP and UDP (ADDRESS:PORT on one IPv4 address alone); answers "NAME PORT from ADDRESS"; the process is called NAME
  witness.py proxy                   on the proxy's ports; answers "captured PORT for ADDRESS:PORT" (the original destination)
  witness.py call tcp|udp HOST PORT [SOURCE]  prints the answer, or "nothing" and the error
"""

import socket
import struct
import sys
import threading

SO_ORIGINAL_DST = 80


def original(connection):
    """Where the connection went before the kernel redirected it."""
    if connection.family == socket.AF_INET:
        port, packed = struct.unpack("!2xH4s8x", connection.getsockopt(socket.SOL_IP, SO_ORIGINAL_DST, 16))
        return f"{socket.inet_ntoa(packed)}:{port}"
    port, packed = struct.unpack("!2xH4x16s4x", connection.getsockopt(socket.IPPROTO_IPV6, SO_ORIGINAL_DST, 28))
    return f"[{socket.inet_ntop(socket.AF_INET6, packed)}]:{port}"


def bound(family, kind, port, address=""):
    sock = socket.socket(family, kind)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.bind((address, port))
    return sock


def serve_tcp(family, port, answer, address=""):
    listener = bound(family, socket.SOCK_STREAM, port, address)
    listener.listen(64)
    while True:
        connection, peer = listener.accept()
        try:
            connection.sendall(answer(connection, peer).encode())
        except OSError as error:
            print(error, flush=True)
        connection.close()


def serve_udp(family, port, answer, address=""):
    sock = bound(family, socket.SOCK_DGRAM, port, address)
    while True:
        _, peer = sock.recvfrom(2048)
        sock.sendto(answer(peer).encode(), peer)


def start(targets):
    for target, *args in targets:
        threading.Thread(target=target, args=args, daemon=True).start()


def serve(name, ports):
    with open("/proc/self/comm", "w", encoding="ascii") as comm:
        comm.write(name)
    for word in ports:
        address, _, port = word.rpartition(":")
        for family in (socket.AF_INET, socket.AF_INET6) if address == "" else (socket.AF_INET,):
            start([
                (serve_tcp, family, int(port), lambda _, peer, port=port: f"{name} {port} from {peer[0]}", address),
                (serve_udp, family, int(port), lambda peer, port=port: f"{name} {port} from {peer[0]}", address),
            ])


def proxy():
    for family, local in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        start([
            # A socket on every address would answer from another one than was asked, and the kernel not know the answer.
            (serve_udp, family, 15053, lambda _: "captured 15053", local),
            (serve_tcp, family, 15001, lambda connection, _: f"captured 15001 for {original(connection)}"),
            (serve_tcp, family, 15006, lambda connection, _: f"captured 15006 for {original(connection)}"),
            (serve_udp, family, 15053, lambda _: "captured 15053"),
        ])


def call(kind, host, port, source=None):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
    sock.settimeout(8)
    try:
        if source is not None:
            sock.bind((source, 0))
        sock.connect((host, int(port)))
        if kind == "udp":
            sock.send(b"?")
        print(sock.recv(2048).decode())
    except OSError as error:
        print("nothing", error)


if sys.argv[1] == "call":
    call(*sys.argv[2:])
else:
    proxy() if sys.argv[1] == "proxy" else serve(sys.argv[2], sys.argv[3:])
    print("listening", flush=True)
    threading.Event().wait()
