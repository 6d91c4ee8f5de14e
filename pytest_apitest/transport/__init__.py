"""The way to the network, and the only part of the project that knows httpcore.

    Request -> outgoing (bytes) -> network (pools) -> backend (sockets)
      -> answer (limits, framing) -> content (decoding) -> Response

Rules kept here:
- the total deadline of a request holds for everything from the name to the last byte of the body;
- what is sent and what is received is kept byte for byte; the body alone is decoded;
- every failure is a `TransportError` with a kind and one plain sentence.
"""

from pytest_apitest.transport.backend import Resolver
from pytest_apitest.transport.network import Network

__all__ = ["Network", "Resolver"]
