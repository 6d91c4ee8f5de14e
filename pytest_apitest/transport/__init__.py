"""The way to the network, on nothing but sockets.

    Request -> outgoing (bytes) -> network -> pool -> connection (names, sockets, tls)
      -> answer (head, limits), chunks, content (decoding) -> Response

Rules kept here:
- the total deadline of a request holds for everything from the name to the last byte of the body;
- what is sent and what is received is kept byte for byte; the body alone is decoded;
- every failure is a `TransportError` with a kind and one plain sentence;
- loading this costs little: ssl comes with the first https request, zlib with the first coded body.
"""

from pytest_apitest.transport.names import Guard, Resolver
from pytest_apitest.transport.network import Network

__all__ = ["Guard", "Network", "Resolver"]
