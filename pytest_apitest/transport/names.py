"""The addresses of a host, in time.

Rules kept here:
- a name is looked up in a thread that is left behind when time runs out, since no system call can be given
  a bound; an address needs no thread;
- hosts are given to the system as bytes, because it would load the tables of international names (some
  4 ms) for any text, `localhost` included.
"""

import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from pytest_apitest.exchange import TransportError
from pytest_apitest.transport.attempt import Attempt
from pytest_apitest.transport.wording import reason

# Given a host name and a port, returns the addresses to use, or None to ask the system.
Resolver = Callable[[str, int], Sequence[str] | None]
# Given a host name, a port and the addresses that would be connected to, returns why none of them may be; else nothing.
Guard = Callable[[str, int, Sequence[str]], str]
Address = tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]


def addresses_of(host: str, port: int, attempt: Attempt, resolver: Resolver | None) -> Sequence[Address]:
    """Return what to connect to, in order; raises `TransportError` of kind `name`, `proxy` or `timeout`."""
    with suppress(socket.gaierror, UnicodeError):
        return _asked(host, port, socket.AI_NUMERICHOST)
    found: list[Sequence[Address] | Exception] = []

    def look_up() -> None:
        try:
            found.append(_look_up(host, port, resolver))
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to the thread that waits
            found.append(error)

    thread = threading.Thread(target=look_up, name=f"apitest looks up {host}", daemon=True)
    thread.start()
    thread.join(attempt.left())
    if not found:
        raise attempt.expired()
    result = found[0]
    if not isinstance(result, Exception):
        return result
    if isinstance(result, UnicodeError):
        text = "not a valid host name"
    elif isinstance(result, OSError):
        text = reason(result)
    else:
        text = f"the resolver failed with {type(result).__name__}"
    kind, subject = ("name", host) if attempt.proxy is None else ("proxy", f"proxy {host}")
    raise TransportError(kind, f"cannot resolve {subject}: {text}")


def _look_up(host: str, port: int, resolver: Resolver | None) -> Sequence[Address]:
    given = None if resolver is None else resolver(host, port)
    if given is not None:
        return [address for text in given for address in _asked(text, port, socket.AI_NUMERICHOST)]
    if not all(0 < len(label) < 64 for label in host.removesuffix(".").split(".")):
        raise UnicodeError
    return _asked(host, port, 0)


def _asked(host: str, port: int, flags: int) -> Sequence[Address]:
    return socket.getaddrinfo(host.encode("ascii"), port, type=socket.SOCK_STREAM, flags=flags)
