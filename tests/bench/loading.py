"""CPU of loading a scenario of about 1 KB: read, parse, model, static check of names.

A script, not a test: `PYTHONPATH=. python tests/bench/loading.py [rounds]`; with `--profile` the functions that take
the time are listed behind the figures. CPU time of this process is counted, the best of many rounds.
"""

import argparse
import cProfile
import pstats
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from pytest_apitest.extensions import Extensions
from pytest_apitest.language import Library
from pytest_apitest.language.documents import read_document
from pytest_apitest.language.reader import Reader
from pytest_apitest.language.static import check_names
from pytest_apitest.source import load, read_file

SCENARIO = """\
# yaml-language-server: $schema=apitest.schema.json
scenario: Quotes
endpoints:
  api: {url: "http://localhost:8000/api", auth: {token: "${token}"}}
variables:
  token: {env: QUOTES_TOKEN, default: demo-token, secret: true}
  author: Ada Lovelace
steps:
  - name: create a quote
    request:
      POST: /quotes
      json: {author: "${author}", text: Measure before you cut.}
    save:
      quote: {header: Location}
      id: $.id
    cleanup: DELETE ${quote}
    expect:
      status: 201
      json:
        $.id: {type: integer, at_least: 1}
        $.author: ${author}
  - name: find it in the list
    request: GET /quotes?page=1
    expect:
      json:
        $.items: {contains: {author: "${author}"}}
        $.items[*].id: {each: {type: integer}}
      duration: {less_than: 2s}
  - name: wait for publication
    request: GET ${quote}
    retry: {every: 200ms, for: 10s, give_up_when: {json: {$.state: rejected}}}
    expect:
      json:
        $.state: published
  - name: what is wrong is refused
    request: {POST: /quotes, json: {}}
    expect: {status: 422}
"""


def main() -> None:
    """Run the rounds and print milliseconds of CPU."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rounds", nargs="?", type=int, default=1_000)
    parser.add_argument("--profile", action="store_true", help="list the functions that take the time")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        file = Path(name).resolve() / "quotes.apitest.yaml"
        file.write_text(SCENARIO, encoding="utf-8")
        # One library for all rounds: a run of pytest has one, and reads each file once.
        library = Library(Extensions(), [file.parent], file.parent)
        parts = [load_once(library, file) for _ in range(given.rounds)]
        best = [min(one[index] for one in parts) for index in range(4)]
        whole = min(sum(one) for one in parts)
        size = len(SCENARIO) / 1024
        print(
            f"{whole * 1e3:.3f} ms of CPU, {whole * 1e3 / size:.3f} ms per KB ({len(SCENARIO):,} characters)"
        )
        for word, seconds in zip(("read", "parse", "model", "names"), best, strict=True):
            print(f"  {word:<6}{seconds * 1e6:6.0f} us")
        if given.profile:
            profile(library, file, given.rounds)


def load_once(library: Library, file: Path) -> tuple[float, float, float, float]:
    """Load the file and return the seconds of CPU of each part."""
    moments = [time.process_time()]
    source = read_file(file, file.name)
    moments.append(time.process_time())
    root, problems = load(source)
    moments.append(time.process_time())
    reader = Reader(source, file.parent, library)
    document = read_document(reader, root)
    moments.append(time.process_time())
    assert document is not None
    check_names(reader, document)
    moments.append(time.process_time())
    assert not problems
    assert not reader.problems
    one, two, three, four = (after - before for before, after in pairwise(moments))
    return one, two, three, four


def profile(library: Library, file: Path, rounds: int) -> None:
    """Print the functions that take the time."""
    profiler = cProfile.Profile()
    profiler.enable()
    for _ in range(rounds):
        load_once(library, file)
    profiler.disable()
    pstats.Stats(profiler).strip_dirs().sort_stats("tottime").print_stats(40)


if __name__ == "__main__":
    main()
