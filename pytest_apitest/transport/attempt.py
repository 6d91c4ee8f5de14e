"""One request on its way: its deadline, how far it has come, and what to say when time runs out.

Rules kept here:
- `left` is asked before every wait, so the deadline is one total over all of them;
- a timeout names the phase that it ended and the time that was allowed.
"""

from time import monotonic

from pytest_apitest.exchange import TransportError
from pytest_apitest.transport.wording import seconds

UNSENT = "no time left: the deadline had passed before the request was sent"
RESOLVING = "name not resolved within {0}"
CONNECTING = "not connected within {0}"
TUNNELLING = "no tunnel within {0}"
HANDSHAKE = "TLS handshake not done within {0}"
SENDING = "request not sent within {0}"
ANSWERING = "no answer within {0}"
_TOWARDS_PROXY = {RESOLVING, CONNECTING, TUNNELLING}

# The longest wait given to the system, which counts in milliseconds of 31 bits: eleven days.
_LONGEST = 1_000_000.0


class Attempt:
    """The way of one request; times are those of `time.monotonic()`.

    Args:
        deadline: when the answer must be whole.
        peer: the host and port that the request is for, for messages.
        proxy: the proxy's host and port, or None.

    """

    def __init__(self, deadline: float, peer: str = "", proxy: str | None = None) -> None:
        self.deadline = deadline
        self.peer = peer
        self.proxy = proxy
        self.begun = monotonic()
        self.phase = UNSENT  # what is being done, in words for the case that time runs out
        self.sent = False  # whether a byte of the request may have reached the server

    @property
    def next_hop(self) -> str:
        """Who is connected to, as messages name it."""
        return self.peer if self.proxy is None else f"proxy {self.proxy}"

    @property
    def allowed(self) -> str:
        """The time given in all, as messages spell it."""
        return seconds(self.deadline - self.begun)

    def left(self) -> float:
        """Return the seconds that the next wait may take; raises `TransportError` when there are none."""
        left = self.deadline - monotonic()
        if left <= 0:
            raise self.expired()
        return min(left, _LONGEST)

    def expired(self) -> TransportError:
        """Return the error that says what the time ran out on."""
        message = self.phase.format(self.allowed)
        if self.proxy is not None and self.phase in _TOWARDS_PROXY:
            message = f"proxy {self.proxy}: {message}"
        return TransportError("timeout", message)
