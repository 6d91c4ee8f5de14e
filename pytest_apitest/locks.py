"""Locks between the workers of one run, for cases that must never overlap (language, section 2, `serial`).

A lock is a file in the folder for temporary files, named after the run, so that two runs on one machine do
not wait for each other. The operating system frees it when its holder dies.
"""

import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def file_lock(name: str) -> Iterator[None]:
    """Hold the lock of a name; waits until its holder gives it back.

    Args:
        name: any text; equal texts are the same lock.

    """
    digest = hashlib.sha256(name.encode("utf-8")).hexdigest()[:32]
    path = Path(tempfile.gettempdir()) / f"pytest-apitest-{digest}.lock"
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _wait(handle)
        try:
            yield
        finally:
            _free(handle)
    finally:
        os.close(handle)


if sys.platform == "win32":  # pragma: no cover - checked on Windows only
    import msvcrt

    def _wait(handle: int) -> None:
        while True:
            try:
                msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
            except OSError:
                time.sleep(0.01)
            else:
                return

    def _free(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _wait(handle: int) -> None:
        # Tried again and again instead of waiting in the system, so that Ctrl-C and timeouts get through.
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(0.01)
            else:
                return

    def _free(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_UN)
