"""`python -m pytest_apitest.demo [--port N]`."""

import argparse
import sys

from pytest_apitest.demo import serve
from pytest_apitest.hosting import AppError


def main() -> int:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(
        prog="python -m pytest_apitest.demo", description="Serve the demo API on 127.0.0.1 until Ctrl-C."
    )
    parser.add_argument("--port", type=int, default=8000, help="port to listen on, 0 for any (default: 8000)")
    try:
        serve(parser.parse_args().port)
    except AppError as error:
        sys.stderr.write(f"{error.message}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
