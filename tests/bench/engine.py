"""CPU of one step without a network: rendering, sending into a stub, saving, checking, redacting.

A script, not a test: `PYTHONPATH=. python tests/bench/engine.py [steps per round] [rounds] [--profile]`. The transport
is a function that hands back the same response, so what is counted is the engine alone; a document of many steps is
run, so that the start and end of a case are spread over them. Figures are microseconds of CPU per step.
"""

import argparse
import cProfile
import pstats
import statistics
import tempfile
import time
from pathlib import Path

from pytest_apitest.engine import DocumentState, Engine, Options
from pytest_apitest.exchange import Request, Response
from pytest_apitest.extensions import Extensions
from pytest_apitest.language import Document, Library
from pytest_apitest.outcome import CaseOutcome
from pytest_apitest.redaction import Redactor

_BODY = b'{"id": 17, "author": "Ada", "text": "It works here", "tags": ["a", "b"], "price": 1.10}'
_HEADERS = (
    ("Content-Type", "application/json; charset=utf-8"),
    ("Content-Length", str(len(_BODY))),
    ("Date", "Thu, 01 Jan 1970 00:00:00 GMT"),
    ("ETag", '"17"'),
    ("Location", "/quotes/17"),
)
_HEAD = """\
scenario: Bench
endpoints: {api: {url: "https://quotes.example/v1", auth: {bearer: "${token}"}, headers: {X-Tenant: a}}}
variables: {author: Ada, token: {default: a-secret-token, secret: true}, quote: {default: {text: It works here, tags: [a, b]}}}
steps:
"""
_STEPS = {
    "small: GET, no expectation": """\
  - request: GET /quotes/17
""",
    "typical: GET, 1 save, 4 checks": """\
  - name: read
    request: {GET: "/quotes/17", query: {full: true}, headers: {X-Trace: "trace-${author}"}}
    save: {id: $.id}
    expect:
      status: 200
      headers: {etag: {exists: true}}
      json: {$.id: 17, $.author: "${author}"}
""",
    "large: POST json, set, 2 saves, cleanup, 9 checks": """\
  - name: create
    request: {POST: /quotes, json: "${quote}", set: {$.author: "${author}"}}
    save: {quote_url: {header: Location}, id: $.id}
    cleanup: DELETE ${quote_url}
    expect:
      status: [200, 201]
      content_type: {type: application/json, charset: utf-8}
      headers: {location: "${quote_url}", x-missing: {exists: false}}
      json:
        $.id: {type: integer, at_least: 1}
        $.author: ${author}
        $.tags: [a, b]
        $.tags[*]: {each: {type: string}}
        $.price: {greater_than: 1, less_than: 2}
""",
}


def _document(step: str, count: int, folder: Path) -> Document:
    file = folder / f"bench{abs(hash(step))}.apitest.yaml"
    file.write_text(_HEAD + step * count, encoding="utf-8")
    return Library(Extensions(), [folder], folder).document(file)


def _answer(request: Request) -> Response:
    del request
    return Response(200, "OK", _HEADERS, _BODY, len(_BODY), 0.001)


def _run(document: Document, engine: Engine) -> None:
    outcome = CaseOutcome("bench", "bench", "bench", "bench", 1)
    DocumentState(engine, document).run(document.cases[0], outcome)
    assert outcome.outcome == "passed", [failure.message for failure in outcome.failures]


def main() -> None:
    """Run the rounds and print what a step costs."""
    parser = argparse.ArgumentParser()
    parser.add_argument("count", type=int, nargs="?", default=500)
    parser.add_argument("rounds", type=int, nargs="?", default=7)
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name, step in _STEPS.items():
            document = _document(step, options.count, Path(folder))
            engine = Engine(Extensions(), Options(environment={}), Redactor(), _answer, lambda *_: "")
            _run(document, engine)
            taken = []
            for _ in range(options.rounds):
                begun = time.process_time()
                _run(document, engine)
                taken.append((time.process_time() - begun) / options.count * 1e6)
            print(f"{name:52} {statistics.median(taken):6.0f} us (best {min(taken):.0f})")
            if options.profile:
                with cProfile.Profile() as profile:
                    _run(document, engine)
                pstats.Stats(profile).sort_stats("tottime").print_stats(25)


if __name__ == "__main__":
    main()
