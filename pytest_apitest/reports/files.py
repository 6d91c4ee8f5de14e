"""Writing a file so that it appears whole or not at all."""

import os
import tempfile
from pathlib import Path


def write_whole(file: Path, text: str) -> Path:
    """Write a text beside its name and move it there; return the file."""
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
        os.chmod(temporary, 0o644)  # noqa: PTH101 - mkstemp makes files that only their owner may read
        os.replace(temporary, file)  # noqa: PTH105
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return file
