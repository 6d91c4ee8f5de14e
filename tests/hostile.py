"""A raw-socket server that misbehaves on purpose, for every suite that has to survive one.

    with serve(trickled_body) as address:
        network.send(Request("GET", address.url, ...))

Rules kept here:
- a behaviour is a plain function that gets a `Peer`, the server's side of one connection, in a thread of
  its own; `HOSTILE` holds those that no client may take for a good answer, by name;
- ports are given by the system, and leaving `serve` ends every thread and closes every socket, at once;
- a behaviour waits with `Peer.pause` only, so nothing sleeps on after its test;
- an error in a behaviour that is not the other side's doing fails the test that used it.
"""

import gzip
import socket
import ssl
import struct
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass(slots=True)
class Address:
    """Where a server listens, and what it has seen so far.

    Args:
        host: always an address of the loopback network.
        port: given by the system.
        scheme: `https` when the server speaks TLS.
        requests: the raw requests that were read completely, of all connections.
        connections: the number of connections taken.
    """

    host: str
    port: int
    scheme: str = "http"
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0

    @property
    def peer(self) -> str:
        """Host and port, as messages name them."""
        return f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The URL of the root."""
        return f"{self.scheme}://{self.peer}/"


class Gone(Exception):
    """The client left, or the server is being stopped."""


class Peer:
    """The server's side of one connection."""

    def __init__(self, sock: socket.socket, address: Address, stopping: threading.Event) -> None:
        self.sock = sock
        self.address = address
        self._stopping = stopping
        self._buffer = b""

    def send(self, data: bytes) -> None:
        """Send all of some bytes."""
        try:
            self.sock.sendall(data)
        except OSError:
            raise Gone from None

    def trickle(self, data: bytes, every: float) -> None:
        """Send some bytes one by one."""
        for number in data:
            self.send(bytes([number]))
            self.pause(every)

    def pause(self, seconds: float) -> None:
        """Wait, unless the server is being stopped."""
        if self._stopping.wait(seconds):
            raise Gone

    def wait_for_end(self) -> None:
        """Read and forget until the client closes the connection."""
        while self._receive():
            pass

    def read_request(self) -> bytes:
        """Return the next complete request, which `Address.requests` gets too; ends the behaviour if there is none."""
        while b"\r\n\r\n" not in self._buffer:
            self._more()
        head, _, _ = self._buffer.partition(b"\r\n\r\n")
        length = len(head) + 4
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length += int(value)
            elif name.lower() == b"transfer-encoding":
                while (end := self._buffer.find(b"0\r\n\r\n", len(head))) < 0:
                    self._more()
                length = end + 5
        while len(self._buffer) < length:
            self._more()
        request, self._buffer = self._buffer[:length], self._buffer[length:]
        self.address.requests.append(request)
        return request

    def reset(self) -> None:
        """Close the connection with a reset instead of an orderly end."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def _more(self) -> None:
        data = self._receive()
        if not data:
            raise Gone
        self._buffer += data

    def _receive(self) -> bytes:
        try:
            return self.sock.recv(65536)
        except OSError:
            raise Gone from None


Behaviour = Callable[[Peer], None]


@contextmanager
def serve(
    behaviour: Behaviour, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> Iterator[Address]:
    """Run a server on a port of the system's choice while the block runs; each connection gets the behaviour."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, 0), family=family, backlog=128)
    shown = f"[{host}]" if ":" in host else host
    address = Address(shown, listener.getsockname()[1], "http" if tls is None else "https")
    stopping = threading.Event()
    failures: list[BaseException] = []
    open_socks: set[socket.socket] = set()
    threads: list[threading.Thread] = []

    def converse(sock: socket.socket) -> None:
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if tls is not None:
                open_socks.discard(sock)
                sock = tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
                open_socks.add(sock)
                sock.do_handshake()
            behaviour(Peer(sock, address, stopping))
        except (Gone, OSError):
            pass
        except BaseException as error:  # noqa: BLE001 - handed to the test below
            failures.append(error)
        finally:
            sock.close()
            open_socks.discard(sock)

    def accept() -> None:
        with suppress(OSError):
            while True:
                sock, _ = listener.accept()
                address.connections += 1
                open_socks.add(sock)
                thread = threading.Thread(target=converse, args=(sock,), name="hostile peer", daemon=True)
                threads.append(thread)
                thread.start()

    acceptor = threading.Thread(target=accept, name="hostile server", daemon=True)
    acceptor.start()
    try:
        yield address
    finally:
        stopping.set()
        _wake(listener)
        acceptor.join(5)
        listener.close()
        for sock in list(open_socks):
            _wake(sock)
        for thread in threads:
            thread.join(5)
    if failures:
        raise failures[0]


def _wake(sock: socket.socket) -> None:
    # Wakes the thread that waits in accept or recv, which a plain close does not; also below TLS.
    with suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


@contextmanager
def refused_port() -> Iterator[Address]:
    """Give an address that refuses connections and that nobody else can take meanwhile."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield Address("127.0.0.1", sock.getsockname()[1])


@contextmanager
def full_backlog() -> Iterator[Address]:
    """Give an address where connecting neither succeeds nor fails, because nobody takes the waiting ones."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        waiting = []
        try:
            while True:
                sock = socket.socket()
                waiting.append(sock)
                sock.settimeout(0.1)
                try:
                    sock.connect(listener.getsockname())
                except TimeoutError:
                    break
                assert len(waiting) < 64, "this system takes connections beyond the backlog"
            yield Address("127.0.0.1", listener.getsockname()[1])
        finally:
            for sock in waiting:
                sock.close()


def answer(
    body: bytes = b"", *headers: str, status: str = "200 OK", length: bool = True, version: str = "HTTP/1.1"
) -> bytes:
    """Return the bytes of an answer."""
    lines = [f"{version} {status}", *headers]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def chunked(*pieces: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    """Return the bytes of a chunked body."""
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + end


CHUNKED = "Transfer-Encoding: chunked"


def answering(*raw: bytes) -> Behaviour:
    """Answer the requests of a connection with these bytes, one after the other, then wait for its end."""

    def behave(peer: Peer) -> None:
        for data in raw:
            peer.read_request()
            peer.send(data)
        peer.wait_for_end()

    return behave


def answering_always(raw: bytes) -> Behaviour:
    """Answer each request of each connection with these bytes."""

    def behave(peer: Peer) -> None:
        while True:
            peer.read_request()
            peer.send(raw)

    return behave


def serving(files: Mapping[str, bytes]) -> Behaviour:
    """Answer the requests of each connection with the whole answer under their target, or with 404."""

    def behave(peer: Peer) -> None:
        while True:
            target = peer.read_request().split(b" ", 2)[1].decode("latin-1")
            peer.send(files.get(target) or answer(b"nothing here", status="404 Not Found"))

    return behave


def redirecting(to: str, status: str = "302 Found") -> Behaviour:
    """Answer each request with a redirect."""
    return answering_always(answer(b"", f"Location: {to}", status=status))


def cut_off(raw: bytes) -> Behaviour:
    """Answer with these bytes and close the connection."""

    def behave(peer: Peer) -> None:
        peer.read_request()
        peer.send(raw)

    return behave


def silent(peer: Peer) -> None:
    """Read everything, say nothing; on a port for TLS, a handshake that never begins."""
    peer.wait_for_end()


def never_reading(peer: Peer) -> None:
    """Take the connection and read nothing."""
    peer.pause(60)


def trickled_head(peer: Peer) -> None:
    """Send the head byte by byte, without end."""
    peer.read_request()
    peer.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        peer.trickle(b"X-Slow: drop by drop\r\n", 0.03)


def trickled_body(peer: Peer) -> None:
    """Send the body byte by byte."""
    peer.read_request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    peer.trickle(b"x" * 100_000, 0.03)


def trickled_chunks(peer: Peer) -> None:
    """Send a chunked body byte by byte."""
    peer.read_request()
    peer.send(answer(b"", CHUNKED, length=False))
    while True:
        peer.trickle(b"1\r\nx\r\n", 0.03)


def interim_flood(peer: Peer) -> None:
    """Send interim answers as fast as they are taken, and never a final one."""
    peer.read_request()
    while True:
        peer.send(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 500)


def slow_interim(peer: Peer) -> None:
    """Send an interim answer now and then, and never a final one."""
    peer.read_request()
    while True:
        peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        peer.pause(0.05)


def endless_body(peer: Peer) -> None:
    """Send a body without length as fast as it is taken, without end."""
    peer.read_request()
    peer.send(answer(length=False))
    while True:
        peer.send(b"x" * 65536)


def endless_chunks(peer: Peer) -> None:
    """Send chunks of one byte as fast as they are taken, without end."""
    peer.read_request()
    peer.send(answer(b"", CHUNKED, length=False))
    while True:
        peer.send(b"1\r\nx\r\n" * 5_000)


def endless_members(peer: Peer) -> None:
    """Send gzip members that hold nothing as fast as they are taken, without end."""
    peer.read_request()
    peer.send(answer(b"", "Content-Encoding: gzip", length=False))
    while True:
        peer.send(gzip.compress(b"") * 2_000)


def trickled_handshake(peer: Peer) -> None:
    """Answer a TLS handshake with the bytes of a long record, one by one."""
    peer.send(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc\x03\x03")
    peer.trickle(b"\x00" * 16_000, 0.03)


def gzip_bomb(peer: Peer) -> None:
    """Send 64 MiB of nothing in 64 KiB."""
    peer.read_request()
    peer.send(answer(gzip.compress(bytes(64 << 20)), "Content-Encoding: gzip"))
    peer.wait_for_end()


def closed_before_answer(peer: Peer) -> None:
    """Read the request and close the connection."""
    peer.read_request()


def reset_before_answer(peer: Peer) -> None:
    """Read the request and reset the connection."""
    peer.read_request()
    peer.reset()


def keep_alive_then_close(answers: int = 1) -> Behaviour:
    """Promise to keep the connection, answer so many requests and close it."""

    def behave(peer: Peer) -> None:
        for _ in range(answers):
            peer.read_request()
            peer.send(answer(b"ok"))

    return behave


truncated_head = cut_off(b"HTTP/1.1 200 OK\r\nContent-Le")
truncated_body = cut_off(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly a part.")
truncated_chunk = cut_off(answer(b"", CHUNKED, length=False) + b"20\r\nonly a part.")
missing_last_chunk = cut_off(answer(b"", CHUNKED, length=False) + b"5\r\nwhole\r\n")
garbage = answering(b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n")
http2_preface = answering(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64")
unknown_version = answering(answer(b"ok", version="HTTP/9.9"))
bad_content_length = answering(answer(b"ok", "Content-Length: two", length=False))
negative_length = answering(answer(b"ok", "Content-Length: -2", length=False))
differing_lengths = answering(answer(b"ok", "Content-Length: 1"))
bad_chunk_size = answering(answer(b"", CHUNKED, length=False) + b"0x2\r\nok\r\n0\r\n\r\n")
overlong_chunk = answering(answer(b"", CHUNKED, length=False) + b"2\r\nokay\r\n0\r\n\r\n")
bad_header_line = answering(b"HTTP/1.1 200 OK\r\nX-Good: 1\r\nX-Bad : 2\r\nContent-Length: 0\r\n\r\n")
nul_in_header = answering(b"HTTP/1.1 200 OK\r\nX-Nul: a\x00b\r\nContent-Length: 0\r\n\r\n")
unknown_transfer_coding = answering(answer(b"ok", "Transfer-Encoding: gzip, chunked", length=False))
switching = answering(
    answer(b"", "Upgrade: websocket", "Connection: Upgrade", status="101 Switching Protocols")
)
truncated_gzip = answering(answer(gzip.compress(b"a whole text")[:-6], "Content-Encoding: gzip"))
corrupt_gzip = answering(answer(b"\x1f\x8b\x08\x00" + b"\xff" * 40, "Content-Encoding: gzip"))
plain_as_gzip = answering(answer(b"not compressed at all", "Content-Encoding: gzip"))
many_gzip_layers = answering(answer(zlib.compress(b"x"), "Content-Encoding: " + ", ".join(["gzip"] * 200)))
many_headers = answering(answer(b"ok", *(f"X-{number}: v" for number in range(10_000))))
huge_header = answering(answer(b"ok", "X-Huge: " + "v" * 200_000))
deep_json = answering(answer(b"[" * 200_000 + b"]" * 200_000, "Content-Type: application/json"))
extra_bytes = answering(answer(b"ok") + b"HTTP/1.1 500 Not Yours\r\nContent-Length: 0\r\n\r\n")

# Those that never give an answer that can be used, so that a client has to end each of them with an error of
# its own. These go on until its time or its patience is over, ...
ENDLESS: dict[str, Behaviour] = {
    "silent": silent,
    "never_reading": never_reading,
    "trickled_head": trickled_head,
    "trickled_body": trickled_body,
    "trickled_chunks": trickled_chunks,
    "interim_flood": interim_flood,
    "slow_interim": slow_interim,
    "endless_body": endless_body,
    "endless_chunks": endless_chunks,
    "endless_members": endless_members,
    "trickled_handshake": trickled_handshake,
}
# ... and these come to an end that is wrong.
WRONG: dict[str, Behaviour] = {
    "gzip_bomb": gzip_bomb,
    "closed_before_answer": closed_before_answer,
    "reset_before_answer": reset_before_answer,
    "truncated_head": truncated_head,
    "truncated_body": truncated_body,
    "truncated_chunk": truncated_chunk,
    "missing_last_chunk": missing_last_chunk,
    "garbage": garbage,
    "http2_preface": http2_preface,
    "unknown_version": unknown_version,
    "bad_content_length": bad_content_length,
    "negative_length": negative_length,
    "differing_lengths": differing_lengths,
    "bad_chunk_size": bad_chunk_size,
    "overlong_chunk": overlong_chunk,
    "bad_header_line": bad_header_line,
    "nul_in_header": nul_in_header,
    "unknown_transfer_coding": unknown_transfer_coding,
    "switching": switching,
    "truncated_gzip": truncated_gzip,
    "corrupt_gzip": corrupt_gzip,
    "plain_as_gzip": plain_as_gzip,
    "many_gzip_layers": many_gzip_layers,
    "many_headers": many_headers,
    "huge_header": huge_header,
}

HOSTILE = ENDLESS | WRONG
