"""Golden files: what a text is expected to be, kept beside the input, reviewed as a whole."""

import difflib
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "golden"


@dataclass(frozen=True)
class Golden:
    """Compares a text with a file.

    Args:
        update: whether the file is rewritten instead.

    """

    update: bool

    def equal(self, file: Path, text: str) -> None:
        """Fail when a file does not hold a text; say how to look at the difference and how to accept it."""
        if self.update:
            file.parent.mkdir(parents=True, exist_ok=True)
            if not file.exists() or file.read_text(encoding="utf-8") != text:
                file.write_text(text, encoding="utf-8")
            return
        expected = file.read_text(encoding="utf-8") if file.exists() else ""
        if text != expected:
            lines = difflib.unified_diff(
                expected.splitlines(), text.splitlines(), "expected", "got", "", "", 1, ""
            )
            difference = "\n".join([*lines][:60])
            raise AssertionError(f"differs from {file}; accept it with --update-golden\n{difference}")
