"""One attempt to send one request: its deadline, how far it has come, and what to say when time runs out.

The HTTP engine hands the timeout of a request through to every call on the socket, untouched. An `Attempt`
is that timeout: a number, the moment of `time.monotonic()` by which everything must be over, that carries
what the socket's side has to know about the request. So no state is kept by thread, and a connection
serves any request.

Rules kept here:
- `left` is asked before every wait, so the deadline is one total over all of them;
- a timeout names the phase that it ended and the time that was allowed.
"""

from time import monotonic
from typing import Self

from pytest_apitest.exchange import TransportError
from pytest_apitest.transport.answer import Answer
from pytest_apitest.transport.wording import seconds

RESOLVING = "name not resolved within {0}"
CONNECTING = "not connected within {0}"
TUNNELLING = "no tunnel within {0}"
HANDSHAKE = "TLS handshake not done within {0}"
SENDING = "request not sent within {0}"
ANSWERING = ""

# The longest wait given to the system, which counts in milliseconds of 31 bits: eleven days.
_LONGEST = 1_000_000.0


class Attempt(float):
    """The deadline of one attempt, with the attempt's state.

    Args:
        deadline: the value of `time.monotonic()` by which the answer must be whole.
        begun: when the time began to run.
        peer: the host and port that the request is for, for messages.
        proxy: the proxy's host and port, or None.
        tunnel: the answer of a proxy that has to open a tunnel first, or None when no tunnel is awaited.
        pieces: the bytes of the request.
        answer: what follows the answer's bytes.

    """

    __slots__ = ("answer", "begun", "peer", "phase", "pieces", "proxy", "sent", "tunnel")

    def __new__(
        cls,
        deadline: float,
        *,
        begun: float,
        peer: str,
        proxy: str | None,
        tunnel: Answer | None,
        pieces: tuple[bytes, ...],
        answer: Answer,
    ) -> Self:
        """Make the attempt before anything was done for it."""
        self = super().__new__(cls, deadline)
        self.begun = begun
        self.peer = peer
        self.proxy = proxy
        self.tunnel = tunnel
        self.pieces = pieces
        self.answer = answer
        self.phase = RESOLVING
        self.sent = False
        return self

    begun: float
    peer: str
    proxy: str | None
    tunnel: Answer | None
    pieces: tuple[bytes, ...]
    answer: Answer
    phase: str
    sent: bool

    @property
    def next_hop(self) -> str:
        """Who is connected to, as messages name it."""
        return self.peer if self.proxy is None else f"proxy {self.proxy}"

    def left(self) -> float:
        """Return the seconds that the next wait may take.

        Raises:
            TransportError: of kind `timeout` when there are none.

        """
        left = self - monotonic()
        if left <= 0:
            raise self.expired()
        return min(left, _LONGEST)

    def expired(self) -> TransportError:
        """Return the error that says what the time ran out on."""
        allowed = seconds(self - self.begun)
        if self.phase is ANSWERING:
            return TransportError("timeout", self.answer.late(allowed), sent=self.sent)
        message = self.phase.format(allowed)
        if self.proxy is not None and self.phase in (RESOLVING, CONNECTING, TUNNELLING):
            message = f"proxy {self.proxy}: {message}"
        return TransportError("timeout", message, sent=self.sent)
