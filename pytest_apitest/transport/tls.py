"""TLS contexts for routes, and what a failure of TLS is called.

Rules kept here:
- a context costs 30 to 40 ms of CPU to make, so it is made at the first https request that needs it, once
  for each set of settings, and shared by all routes that agree on them;
- nothing ever asks for a password on the terminal, as OpenSSL does by itself for an encrypted key;
- a message says what is wrong in plain words, whatever OpenSSL of the day calls it.
"""

import errno
import ssl
import threading
from typing import NoReturn

from pytest_apitest.exchange import Route, TransportError
from pytest_apitest.transport.wording import reason

_Settings = tuple[bool | str, str | None, str | None, str | None]

# What OpenSSL's verification results (x509_vfy.h) mean; their texts change between versions.
_DISTRUST = {
    9: "certificate is not valid yet",
    10: "certificate has expired",
    18: "certificate not trusted (self-signed certificate)",
    62: "certificate is for another host name",
    64: "certificate is for another host name",
}
_HUNG_UP = "the server closed the connection during the handshake"
_MEANINGS = {
    "the server does not speak TLS on this port": (
        "WRONG_VERSION_NUMBER HTTP_REQUEST UNKNOWN_PROTOCOL RECORD_LAYER_FAILURE PACKET_LENGTH_TOO_LONG "
        "RECORD_TOO_SMALL"
    ),
    "no version of TLS in common": (
        "TLSV1_ALERT_PROTOCOL_VERSION UNSUPPORTED_PROTOCOL NO_PROTOCOLS_AVAILABLE"
    ),
    "the server requires a client certificate": "TLSV13_ALERT_CERTIFICATE_REQUIRED",
    "the server refused the client certificate": (
        "SSLV3_ALERT_BAD_CERTIFICATE SSLV3_ALERT_CERTIFICATE_UNKNOWN SSLV3_ALERT_CERTIFICATE_EXPIRED "
        "SSLV3_ALERT_CERTIFICATE_REVOKED SSLV3_ALERT_UNSUPPORTED_CERTIFICATE TLSV1_ALERT_UNKNOWN_CA "
        "TLSV1_ALERT_ACCESS_DENIED"
    ),
    "the server refused the handshake (no common cipher, or a client certificate is required)": (
        "SSLV3_ALERT_HANDSHAKE_FAILURE"
    ),
    _HUNG_UP: "UNEXPECTED_EOF_WHILE_READING",
}


class Contexts:
    """The TLS contexts made so far."""

    def __init__(self) -> None:
        self._made: dict[_Settings, ssl.SSLContext] = {}
        self._lock = threading.Lock()

    def context_for(self, route: Route) -> ssl.SSLContext:
        """Return the context for the TLS settings of a route; raises `TransportError` for unusable files."""
        settings = (route.verify, route.cert, route.key, route.password)
        with self._lock:
            context = self._made.get(settings)
            if context is None:
                context = self._made[settings] = _make(route)
        return context


def handshake_failed(peer: str, error: OSError | ValueError) -> TransportError:
    """Return the error for a handshake that ended in an exception."""
    if isinstance(error, ssl.SSLCertVerificationError):
        text = _DISTRUST.get(error.verify_code, f"certificate not trusted ({error.verify_message})")
    elif isinstance(error, ssl.SSLError):
        return _tls_failed(peer, error)
    elif isinstance(error, ConnectionError) or (isinstance(error, OSError) and error.errno == errno.ENOTCONN):
        text = _HUNG_UP
    else:
        text = reason(error) if isinstance(error, OSError) else "the host name cannot be used"
    return TransportError("tls", f"TLS with {peer}: {text}")


def reading_failed(peer: str, error: OSError | ValueError) -> None:
    """Raise the error for a failed read, unless the connection just ended."""
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
        raise _tls_failed(peer, error) from None


def _tls_failed(peer: str, error: ssl.SSLError) -> TransportError:
    name = error.reason or ""
    text = name.lower().replace("_", " ") or "failed"
    for meaning, names in _MEANINGS.items():
        if name in names.split():
            text = meaning
    if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        text = _HUNG_UP
    return TransportError("tls", f"TLS with {peer}: {text}")


def _make(route: Route) -> ssl.SSLContext:
    if route.verify is True or route.verify is False:
        context = ssl.create_default_context()
        if not route.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
    else:
        try:
            context = ssl.create_default_context(cafile=route.verify)
        except OSError as error:
            text = "it holds no certificate" if isinstance(error, ssl.SSLError) else reason(error)
            raise TransportError("tls", f'cannot trust the authorities in "{route.verify}": {text}') from None
    if route.cert is not None:
        password = route.password
        try:
            context.load_cert_chain(
                route.cert, route.key, _no_password if password is None else lambda: password
            )
        except (OSError, ValueError) as error:
            text = _unusable(error, has_password=password is not None)
            raise TransportError("tls", f'cannot use the client certificate "{route.cert}": {text}') from None
    return context


def _no_password() -> NoReturn:
    raise ValueError("the key needs a password")


def _unusable(error: OSError | ValueError, *, has_password: bool) -> str:
    if isinstance(error, ssl.SSLError):
        if error.reason == "KEY_VALUES_MISMATCH":
            return "the key belongs to another certificate"
        if has_password:
            return "wrong password, or no certificate and key in PEM form"
        return "no certificate and key in PEM form"
    if isinstance(error, OSError):
        return reason(error)
    return "the key needs a password"
