"""TLS: whom to trust, client certificates, servers that do not speak it, and how it ends."""

import os
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from pytest_apitest.data import changed
from pytest_apitest.exchange import DIRECT, Route
from pytest_apitest.transport import Network
from tests import hostile
from tests.hostile import (
    Behaviour,
    Peer,
    answer,
    answering_always,
    serve,
)
from tests.system.transport.asking import (
    ALLOWED,
    EXTRA,
    LATE,
    failure,
    request_to,
    tls_request,
    tls_server,
)


def test_trusted_certificates(network: Network, authority: trustme.CA, ca_file: str) -> None:
    context = tls_server(authority.issue_cert("localhost", "127.0.0.1"))
    with serve(answering_always(answer(b"ok")), tls=context) as address:
        for _ in range(3):
            assert network.send(tls_request(address, Route(verify=ca_file))).body == b"ok"
        assert address.connections == 1
        assert network.send(tls_request(address, Route(verify=ca_file), "127.0.0.1")).body == b"ok"
        assert network.send(tls_request(address, Route(verify=False))).body == b"ok"


def test_certificates_that_are_not_trusted(network: Network, authority: trustme.CA, ca_file: str) -> None:
    stranger = trustme.CA()
    itself = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with stranger.private_key_pem.tempfile() as key, stranger.cert_pem.tempfile() as cert:
        itself.load_cert_chain(cert, key)
    now = datetime.now(UTC)
    old = authority.issue_cert("localhost", not_before=now - timedelta(2), not_after=now - timedelta(1))
    early = authority.issue_cert("localhost", not_before=now + timedelta(1), not_after=now + timedelta(2))
    issuer = "certificate not trusted (unable to get local issuer certificate)"
    cases: list[tuple[ssl.SSLContext, str | bool, str]] = [
        (itself, ca_file, "certificate not trusted (self-signed certificate)"),
        (tls_server(stranger.issue_cert("localhost")), ca_file, issuer),
        (tls_server(authority.issue_cert("localhost")), True, issuer),
        (tls_server(authority.issue_cert("other.test")), ca_file, "certificate is for another host name"),
        (tls_server(authority.issue_cert("127.0.0.9")), ca_file, "certificate is for another host name"),
        (tls_server(old), ca_file, "certificate has expired"),
        (tls_server(early), ca_file, "certificate is not valid yet"),
    ]
    for context, verify, message in cases:
        with serve(answering_always(answer(b"ok")), tls=context) as address:
            error = failure(network, tls_request(address, Route(verify=verify)))
            assert (error.kind, error.sent) == ("tls", False)
            assert error.message == f"TLS with localhost:{address.port}: {message}"
            # With an address in place of the name it is a mismatch as well.
            if "another host" in message:
                error = failure(network, tls_request(address, Route(verify=verify), "127.0.0.1"))
                assert error.message == f"TLS with 127.0.0.1:{address.port}: {message}"
            assert network.send(tls_request(address, Route(verify=False))).body == b"ok"


def test_a_client_certificate(network: Network, authority: trustme.CA, ca_file: str, tmp_path: Path) -> None:
    server = tls_server(authority.issue_cert("localhost"))
    server.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(server)
    mine = authority.issue_cert("me@example.org")
    stranger = trustme.CA().issue_cert("me@example.org")
    chain, key, both, other = (
        str(tmp_path / name) for name in ("chain.pem", "key.pem", "both.pem", "other.pem")
    )
    mine.cert_chain_pems[0].write_to_path(chain)
    mine.private_key_pem.write_to_path(key)
    mine.private_key_and_cert_chain_pem.write_to_path(both)
    stranger.private_key_and_cert_chain_pem.write_to_path(other)
    with serve(answering_always(answer(b"ok")), tls=server) as address:
        for route in (Route(verify=ca_file, cert=both), Route(verify=ca_file, cert=chain, key=key)):
            assert network.send(tls_request(address, route)).body == b"ok"
        start = f"TLS with localhost:{address.port}: the server "
        error = failure(network, tls_request(address, Route(verify=ca_file)))
        assert (error.kind, error.message) == ("tls", start + "requires a client certificate")
        error = failure(network, tls_request(address, Route(verify=ca_file, cert=other)))
        assert (error.kind, error.message) == ("tls", start + "refused the client certificate")


def test_files_of_the_tls_settings_that_cannot_be_used(
    network: Network, authority: trustme.CA, tmp_path: Path
) -> None:
    missing, text, chain, locked, other = (
        str(tmp_path / name) for name in ("missing.pem", "text.pem", "chain.pem", "locked.pem", "other.pem")
    )
    Path(text).write_text("no certificate")
    mine = authority.issue_cert("me@example.org")
    mine.cert_chain_pems[0].write_to_path(chain)
    authority.issue_cert("you@example.org").private_key_pem.write_to_path(other)
    Path(locked).write_bytes(_encrypted(mine.private_key_pem.bytes(), b"right"))
    wrong = "wrong password, or no certificate and key in PEM form"
    cases = [
        (Route(verify=missing), f'cannot trust the authorities in "{missing}": no such file'),
        (Route(verify=text), f'cannot trust the authorities in "{text}": it holds no certificate'),
        (Route(cert=missing), f'cannot use the client certificate "{missing}": no such file'),
        (Route(cert=text), f'cannot use the client certificate "{text}": no certificate and key in PEM form'),
        (Route(cert=chain), f'cannot use the client certificate "{chain}": no certificate and key in PEM form'),
        (Route(cert=chain, key=other), f'cannot use the client certificate "{chain}": the key belongs to another certificate'),
        (Route(cert=chain, key=locked), f'cannot use the client certificate "{chain}": the key needs a password'),
        (Route(cert=chain, key=locked, password="no"), f'cannot use the client certificate "{chain}": {wrong}'),
    ]  # fmt: skip
    with serve(hangs_up) as address:
        for route, message in cases:
            error = failure(network, tls_request(address, route))
            assert (error.kind, error.message, error.sent) == ("tls", message, False)
        assert address.connections == 0
        # The right password opens it: the failure is then the server's.
        error = failure(network, tls_request(address, Route(cert=chain, key=locked, password="right")))
        assert (
            error.message
            == f"TLS with localhost:{address.port}: the server closed the connection during the handshake"
        )


def _encrypted(pem: bytes, password: bytes) -> bytes:
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        PrivateFormat,
        load_pem_private_key,
    )

    key = load_pem_private_key(pem, None)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password))


def speaking(raw: bytes) -> Behaviour:
    def behave(peer: Peer) -> None:
        peer.send(raw)
        peer.wait_for_end()

    return behave


def hangs_up(peer: Peer) -> None:
    peer.sock.recv(10_000)


def resets(peer: Peer) -> None:
    peer.sock.recv(10)
    peer.reset()


def test_servers_that_do_not_speak_tls(network: Network, authority: trustme.CA) -> None:
    start = "TLS with 127.0.0.1:{port}: the server "
    cases: list[tuple[Behaviour, str]] = [
        (speaking(answer(b"Bad Request", status="400 Bad Request")), "does not speak TLS on this port"),
        (speaking(b"SSH-2.0-OpenSSH\r\n" * 9), "does not speak TLS on this port"),
        (hangs_up, "closed the connection during the handshake"),
        (resets, "closed the connection during the handshake"),
    ]
    for behaviour, message in cases:
        with serve(behaviour) as address:
            error = failure(network, tls_request(address, Route(verify=False), "127.0.0.1"))
            assert (error.kind, error.sent) == ("tls", False)
            assert error.message == start.format(port=address.port) + message
    # The other way round: plain HTTP to a port that speaks TLS.
    with serve(hostile.silent, tls=tls_server(authority.issue_cert("localhost"))) as address:
        error = failure(
            network, changed(tls_request(address, DIRECT), url=f"http://127.0.0.1:{address.port}/")
        )
        assert error.kind in {"garbled", "closed"}
        if error.kind == "garbled":
            assert error.message.startswith('not an HTTP answer, the server speaks TLS: "\\x15')


def test_no_version_of_tls_in_common(network: Network, authority: trustme.CA, ca_file: str) -> None:
    context = tls_server(authority.issue_cert("localhost"))
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    mine = network._contexts.context_for(Route(verify=ca_file))
    mine.maximum_version = ssl.TLSVersion.TLSv1_2
    with serve(hostile.silent, tls=context) as address:
        error = failure(network, tls_request(address, Route(verify=ca_file)))
        assert error.message == f"TLS with localhost:{address.port}: no version of TLS in common"


def test_an_end_without_the_closing_alert_of_tls_does_not_complete_a_body(
    network: Network, authority: trustme.CA, ca_file: str
) -> None:
    context = tls_server(authority.issue_cert("localhost"))

    def breaks(peer: Peer) -> None:
        peer.read_request()
        peer.send(answer(b"perhaps all", length=False))

    def closes(peer: Peer) -> None:
        breaks(peer)
        assert isinstance(peer.sock, ssl.SSLSocket)
        peer.sock.unwrap()

    with serve(closes, tls=context) as address:
        assert network.send(tls_request(address, Route(verify=ca_file))).body == b"perhaps all"
    with serve(breaks, tls=context) as address:
        error = failure(network, tls_request(address, Route(verify=ca_file)))
        assert error.kind == "truncated"
        assert error.message == "answer cut off: the connection broke after 11 bytes of the body"


def test_bytes_behind_an_answer_over_tls(network: Network, authority: trustme.CA, ca_file: str) -> None:
    """They may wait within the TLS object, where the socket shows nothing to read."""
    context = tls_server(authority.issue_cert("localhost"))

    def behave(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
        peer.send(b"ok" + EXTRA)
        peer.wait_for_end()

    with serve(behave, tls=context) as address:
        for number in (1, 2, 3):
            assert network.send(tls_request(address, Route(verify=ca_file))).body == b"ok"
            assert address.connections == number


def test_a_large_body_over_tls(network: Network, authority: trustme.CA, ca_file: str) -> None:
    body = os.urandom(1 << 20) * 3

    def behave(peer: Peer) -> None:
        request = peer.read_request()
        peer.send(answer(request.partition(b"\r\n\r\n")[2]))
        peer.wait_for_end()

    with serve(behave, tls=tls_server(authority.issue_cert("localhost"))) as address:
        request = changed(tls_request(address, Route(verify=ca_file)), method="POST", body=body)
        assert network.send(request).body == body


def test_an_upload_over_tls_that_is_never_read(network: Network, authority: trustme.CA, ca_file: str) -> None:
    with serve(hostile.never_reading, tls=tls_server(authority.issue_cert("localhost"))) as address:
        network._contexts.context_for(Route(verify=ca_file))
        request = changed(tls_request(address, Route(verify=ca_file)), method="POST", body=bytes(30 << 20))
        begun = time.monotonic()
        error = failure(network, changed(request, deadline=begun + ALLOWED))
        assert time.monotonic() - begun < ALLOWED + LATE
    assert (error.message, error.sent) == ("request not sent within 0.4 s", True)


def test_a_tls_context_is_made_once_and_only_when_needed(
    network: Network, authority: trustme.CA, ca_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    real = ssl.create_default_context

    def counting(*arguments: Any, **options: Any) -> ssl.SSLContext:
        made.append(options)
        return real(*arguments, **options)

    monkeypatch.setattr(ssl, "create_default_context", counting)
    with ExitStack() as stack:
        plain_address = stack.enter_context(serve(answering_always(answer(b"ok"))))
        context = tls_server(authority.issue_cert("localhost"))
        tls_address = stack.enter_context(serve(answering_always(answer(b"ok")), tls=context))
        route = Route(verify=ca_file)
        network.send(request_to(plain_address, route=route))
        assert made == []
        with ThreadPoolExecutor(8) as workers:
            list(workers.map(lambda _: network.send(tls_request(tls_address, route)), range(16)))
        assert made == [{"cafile": ca_file}]
