"""HTTP Digest authentication (RFC 7616) with MD5 and SHA-256 and `qop=auth`.

Rules kept here:
- a nonce is ours, young, and its count only ever goes up, so that a recorded answer cannot be sent again;
- a right answer to an old nonce is told so by `stale=true`; a wrong one is not.
"""

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web

from pytest_apitest.demo.problems import FieldError, RefusedError, invalid

NONCE_SECONDS = 300
MAX_NONCES = 1000

_PARAMETER = re.compile(r'([A-Za-z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))')
# The strongest first: a client takes the first one that it knows.
_ALGORITHMS: dict[str, Callable[[bytes], str]] = {
    "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
}


@dataclass(slots=True)
class _Nonce:
    made: float
    count: int = 0


@dataclass(slots=True)
class DigestGate:
    """Checks Digest credentials of one user.

    Args:
        realm: shown to the user.
        user: the only user.
        password: the password.

    """

    realm: str
    user: str
    password: str
    nonces: dict[str, _Nonce] = field(default_factory=dict)

    def check(self, request: web.Request) -> tuple[str, dict[str, str]]:
        """Return the algorithm that was used and the header that proves that we know the password too.

        The query parameter `algorithm` narrows the challenges to one, for clients that know only that.

        Raises:
            RefusedError: 401 with a challenge for each algorithm.

        """
        wanted = request.query.get("algorithm")
        if wanted is not None and wanted not in _ALGORITHMS:
            raise invalid(
                [FieldError("algorithm", "unknown", f"algorithm is none of {', '.join(_ALGORITHMS)}")]
            )
        offered = [wanted] if wanted else list(_ALGORITHMS)
        scheme, _, rest = request.headers.get("Authorization", "").strip().partition(" ")
        if scheme.lower() != "digest":
            raise self._challenge("this needs Digest credentials", offered)
        given = {name.lower(): quoted or bare for name, quoted, bare in _PARAMETER.findall(rest)}
        algorithm = given.get("algorithm", "MD5")
        hashed = _ALGORITHMS.get(algorithm)
        if hashed is None or algorithm not in offered:
            raise self._challenge("the algorithm was not offered", offered)
        if given.get("uri") != request.raw_path:
            raise self._challenge("the credentials are for another URI", offered)
        if given.get("qop") != "auth" or not re.fullmatch("[0-9a-fA-F]{8}", given.get("nc", "")):
            raise self._challenge("the credentials lack qop or nc", offered)
        middle = ":".join(given.get(name, "") for name in ("nonce", "nc", "cnonce", "qop"))
        secret = hashed(f"{self.user}:{self.realm}:{self.password}".encode())

        def respond(method: str) -> str:
            target = hashed(f"{method}:{request.raw_path}".encode())
            return hashed(f"{secret}:{middle}:{target}".encode())

        is_right = hmac.compare_digest(respond(request.method), given.get("response", "").lower())
        if not is_right or given.get("username") != self.user or given.get("realm") != self.realm:
            raise self._challenge("user or password is wrong", offered)
        nonce = self.nonces.get(given["nonce"])
        count = int(given["nc"], 16)
        if nonce is None or time.monotonic() - nonce.made > NONCE_SECONDS or count <= nonce.count:
            raise self._challenge("the nonce is used up", offered, stale=True)
        nonce.count = count
        proof = f'qop=auth, rspauth="{respond("")}", cnonce="{given.get("cnonce", "")}", nc={given["nc"]}'
        return algorithm, {"Authentication-Info": proof}

    def _challenge(self, detail: str, offered: list[str], *, stale: bool = False) -> RefusedError:
        while len(self.nonces) >= MAX_NONCES:
            del self.nonces[next(iter(self.nonces))]
        nonce = secrets.token_hex(16)
        self.nonces[nonce] = _Nonce(time.monotonic())
        late = ", stale=true" if stale else ""
        shared = f'realm="{self.realm}", nonce="{nonce}", qop="auth", charset=UTF-8{late}'
        challenges = [f"Digest {shared}, algorithm={algorithm}" for algorithm in offered]
        return RefusedError(
            401, detail, headers=[("WWW-Authenticate", challenge) for challenge in challenges]
        )
