"""Runs the demo API in the foreground and says how to talk to it."""

import sys
import threading

from pytest_apitest.demo import TOKEN, create_app
from pytest_apitest.hosting import Host

EXAMPLE = """\
Demo API on {url}
Token that may write: {token}
Description: {url}/openapi.json

curl -i -X POST {url}/quotes -H 'Authorization: Token {token}' -H 'Content-Type: application/json' \
-d '{{"author": "Ada Lovelace", "text": "Measure before you cut."}}'

Ctrl-C stops it.
"""


def run(port: int) -> None:
    """Serve until Ctrl-C."""
    with Host() as host:
        served = host.serve(create_app, name="the demo API", port=port)
        sys.stdout.write(EXAMPLE.format(url=served.base_url, token=TOKEN))
        sys.stdout.flush()
        forever = threading.Event()
        try:
            # A wait without an end does not hear Ctrl-C on every system.
            while not forever.wait(0.5):
                pass
        except KeyboardInterrupt:
            sys.stdout.write("\n")
