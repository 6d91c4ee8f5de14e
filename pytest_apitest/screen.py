"""The failure screen: what a person needs to know to mend a failure without running it again (design, promise 2).

Rules kept here:
- the failing line of the file with a caret, every failed check, the exchange, where each name came from, a
  curl line, and last the place that a terminal makes clickable;
- about 25 lines by default; `-v` adds headers and the steps that passed, `-vv` whole bodies;
- what a green case warned of, or was to report, is told at the end of the run, a line each;
- what is shown was redacted when the outcome was made.
"""

from collections.abc import Callable, Iterable, Sequence

from pytest_apitest.data import changed, data
from pytest_apitest.errors import excerpt
from pytest_apitest.outcome import (
    ERROR,
    FAILED,
    NOT_RUN,
    PASSED,
    WARNED,
    CaseOutcome,
    ExchangeRecord,
    Failure,
    StepOutcome,
)

BODY = 600
FULL_BODY = 16 * 1024
LINE = 160
SHOWN_STEPS = 5
# Lines of a list at the end of the run.
MOST_LISTED = 20
_PHASES = ("setup", "before_each", "teardown", "after_each")
_QUIET_HEADERS = frozenset(
    {"host", "user-agent", "accept", "accept-encoding", "content-length", "connection"}
)


@data
class Line:
    """A line of the screen.

    Args:
        text: the line.
        style: `error`, `source`, `caret`, `dim` or an empty text, for terminals with colours.

    """

    text: str
    style: str = ""


def summary(case: CaseOutcome) -> str:
    """Return the first line of a failure: the whole story in one line."""
    failing = _failing(case)
    if not failing:
        return case.reason or case.outcome
    step, failure = failing[0], failing[0].failures[0]
    more = sum(len(one.failures) for one in failing) - 1
    row = f" [{step.row}]" if step.row else ""
    name = "" if failure.path == "values" or failure.kind == "cleanup" else f'"{step.name}"{row}: '
    return _one_line(f"{name}{failure.message}" + (f" (and {more} more)" if more else ""))


def place(case: CaseOutcome) -> tuple[str, int]:
    """Return file and line of the first failure."""
    failing = _failing(case)
    if not failing or not failing[0].failures[0].line:
        return case.file, case.line
    return failing[0].failures[0].file, failing[0].failures[0].line


def render(case: CaseOutcome, text_of: Callable[[str], str], verbosity: int = 0) -> list[Line]:
    """Return the screen of a failed case, without the last line.

    Args:
        case: its outcome.
        text_of: returns the text of a file by its path as shown, or an empty text.
        verbosity: number of `-v`.

    """
    lines: list[Line] = []
    failing = _failing(case)
    if verbosity > 0:
        lines += _overview(case)
    for step in failing[:SHOWN_STEPS]:
        if lines:
            lines.append(Line(""))
        lines += _step(step, text_of, verbosity)
    if len(failing) > SHOWN_STEPS:
        lines.append(Line(f"  … and {len(failing) - SHOWN_STEPS} more steps failed; see the report"))
    not_run = [step for step in case.steps if step.outcome == NOT_RUN]
    if not_run:
        names = ", ".join(f'"{step.name}"' for step in not_run[:8]) + (", …" if len(not_run) > 8 else "")
        lines.append(Line(f"  not run    {_one_line(names)}: {_one_line(not_run[0].reason)}", "dim"))
    return lines


def _failing(case: CaseOutcome) -> list[StepOutcome]:
    failing = [step for step in case.steps if step.outcome in (FAILED, ERROR) and step.failures]
    if failing or case.outcome != WARNED:
        return failing
    # A strict run fails a case for what it warns of.
    return [
        changed(step, outcome=WARNED, failures=step.warnings, warnings=[])
        for step in case.steps
        if step.warnings
    ]


def _overview(case: CaseOutcome) -> list[Line]:
    marks = {PASSED: "ok", FAILED: "FAILED", ERROR: "ERROR", NOT_RUN: "not run"}
    lines = [Line("  steps", "dim")]
    for step in case.steps:
        status = f"  {step.exchanges[-1].status}" if step.exchanges and step.exchanges[-1].status else ""
        tries = f"  {step.tries} tries" if step.tries > 1 else ""
        row = f" [{step.row}]" if step.row else ""
        phase = f" ({step.phase})" if step.phase != "steps" else ""
        took = f"  {step.duration * 1000:.0f} ms" if step.outcome != NOT_RUN else ""
        word = marks.get(step.outcome, step.outcome)
        name = f"{_one_line(step.name)}{row}{phase}"
        lines.append(Line(f"    {word:<8} {name}{status}{took}{tries}", "dim"))
    return lines


# -- one step -------------------------------------------------------------------------------------------


def _step(step: StepOutcome, text_of: Callable[[str], str], verbosity: int) -> list[Line]:
    first = step.failures[0]
    lines = _source(first, step, text_of)
    lines += _headline(step)
    lines += _failures(step)
    for exchange in step.exchanges:
        lines += _exchange(exchange, verbosity)
    for note in step.notes:
        lines.append(Line(f"  note       {_one_line(note)}", "dim"))
    for warning in step.warnings:
        lines.append(Line(f"  should     {_one_line(warning.message)}", "dim"))
    if step.variables:
        words = " · ".join(
            f"{one.name} = {_one_line(one.value, 80)} ({one.origin})" for one in step.variables
        )
        lines.append(Line(f"  variables  {words}", "dim"))
    if step.exchanges and step.exchanges[-1].curl:
        lines.append(Line(f"  reproduce  {_one_line(step.exchanges[-1].curl, 2_000)}", "dim"))
    return lines


def _source(failure: Failure, step: StepOutcome, text_of: Callable[[str], str]) -> list[Line]:
    text = text_of(failure.file)
    if not text or not failure.line:
        return []
    before = failure.line - step.line if failure.file == step.file and step.line <= failure.line else 2
    shown = excerpt(text, failure.line, failure.column, failure.width, before=min(before, 4)).split("\n")
    hint = ""
    if failure.expected and failure.got:
        hint = f" expected {_one_line(failure.expected, 60)}, got {_one_line(failure.got, 40)}"
    return [*(Line(line, "source") for line in shown[:-1]), Line(shown[-1] + hint, "caret")]


def _headline(step: StepOutcome) -> list[Line]:
    row = f" [{step.row}]" if step.row else ""
    phase = f" ({step.phase})" if step.phase in _PHASES else ""
    name = f'"{_one_line(step.name)}"{row}{phase}'
    checks = [failure for failure in step.failures if failure.kind == "check"]
    if checks and step.checks:
        failed = len({(failure.line, failure.column) for failure in checks})
        total = max(step.checks, failed)
        return [Line(f"E   {failed} of {total} checks failed in {name}", "error")]
    if step.outcome == WARNED:
        count = len(step.failures)
        return [Line(f"E   {count} warning{'s' * (count != 1)} in {name}, and the run is strict", "error")]
    word = "ended in an error" if step.outcome == ERROR else "failed"
    return [Line(f"E   {name} {word}", "error")]


def _failures(step: StepOutcome) -> list[Line]:
    lines: list[Line] = []
    sided = [failure for failure in step.failures if failure.expected and _plain(failure)]
    width = min(28, max((len(failure.path) for failure in sided), default=0))
    for failure in step.failures:
        if failure in sided:
            path = _one_line(failure.path, 60)
            lines.append(Line(f"E     {path:<{width}}  expected  {_one_line(failure.expected)}", "error"))
            pad = " " * max(width, len(path))
            lines.append(Line(f"E     {pad}  got       {_one_line(failure.got, 240)}", "error"))
        else:
            lines.append(Line(f"E     {_one_line(failure.message, 400)}", "error"))
    return lines


def _plain(failure: Failure) -> bool:
    """Tell whether the message says nothing but expected and got."""
    return failure.message == f"{failure.path}: expected {failure.expected}, got {failure.got}"


def _exchange(exchange: ExchangeRecord, verbosity: int) -> list[Line]:
    head = f"  > {exchange.method} {exchange.url}"
    lines = [Line(f"{head:<70}  {exchange.duration * 1000:.0f} ms" if exchange.status is not None else head)]
    for name, value in exchange.request_headers:
        if verbosity > 0 or name.lower() not in _QUIET_HEADERS:
            lines.append(Line(f"  > {name}: {_one_line(value)}"))
    lines += _body(">", exchange.request_body, exchange.request_size, verbosity)
    if exchange.status is None:
        lines.append(Line(f"  < no answer: {_one_line(exchange.error)}"))
        return lines
    words = [f"{exchange.status} {exchange.reason}".strip()]
    words += [exchange.content_type] if exchange.content_type else []
    words.append(f"{exchange.response_size:,} bytes")
    lines.append(Line("  < " + "   ".join(words)))
    if verbosity > 0:
        lines += [Line(f"  < {name}: {_one_line(value)}") for name, value in exchange.response_headers]
    if exchange.response_excerpt and verbosity < 2:
        lines.append(Line(f"  < … {_one_line(exchange.response_excerpt, BODY)}"))
    else:
        lines += _body("<", exchange.response_body, exchange.response_size, verbosity)
    return lines


def _body(arrow: str, body: str, size: int, verbosity: int) -> list[Line]:
    if not body:
        return []
    limit = FULL_BODY if verbosity > 1 else BODY
    shown = body if len(body) <= limit else body[:limit] + "…"
    rows = [_printable(row) for row in shown.splitlines()]
    most = 400 if verbosity > 1 else 8
    lines = [Line(f"  {arrow} {row}") for row in rows[:most]]
    if len(rows) > most or len(shown) < len(body):
        lines.append(
            Line(f"  {arrow} … {size:,} bytes in all; -vv shows more, the report all that was kept", "dim")
        )
    return lines


# -- the end of the run ---------------------------------------------------------------------------------


def warnings_of(cases: Iterable[CaseOutcome]) -> list[Line]:
    """Return a line for each thing that cases warned of and that no failure screen shows.

    Args:
        cases: all cases of a run.

    """
    return _listed(
        (one.file or step.file, one.line or step.line, f"{_named(step)}: {one.message}")
        for case in cases
        for step in _off_screen(case)
        for one in (*(step.failures if case.outcome == WARNED else ()), *step.warnings)
    )


def notes_of(cases: Iterable[CaseOutcome]) -> list[Line]:
    """Return a line for each value of `report` and each other note that no failure screen shows.

    Args:
        cases: all cases of a run.

    """
    return _listed(
        (step.file, step.line, f"{_named(step)}: {note}")
        for case in cases
        for step in _off_screen(case)
        for note in step.notes
    )


def _off_screen(case: CaseOutcome) -> list[StepOutcome]:
    """Return the steps of a case that its failure screen does not show; there is none of a green case."""
    if case.outcome not in (FAILED, ERROR):
        return case.steps
    failing = {id(step) for step in _failing(case)}
    # Without a failed step it is a strict run, whose screen shows the warnings.
    return [step for step in case.steps if id(step) not in failing] if failing else []


def _named(step: StepOutcome) -> str:
    return f'"{step.name}"' + (f" [{step.row}]" if step.row else "")


def _listed(found: Iterable[tuple[str, int, str]]) -> list[Line]:
    """Return what was found as lines with their places, each once and with its number, and at most so many."""
    counts: dict[tuple[str, int, str], int] = {}
    for one in found:
        counts[one] = counts.get(one, 0) + 1
    lines = [
        Line(f"{file}:{line}: {_one_line(text, 400)}" + (f" ({count:,} times)" if count > 1 else ""))
        for (file, line, text), count in list(counts.items())[:MOST_LISTED]
    ]
    if len(counts) > MOST_LISTED:
        more = len(counts) - MOST_LISTED
        lines.append(Line(f"… and {more:,} more; --apitest-report DIR writes them all"))
    return lines


# -- text -----------------------------------------------------------------------------------------------


def _one_line(text: str, limit: int = LINE) -> str:
    flat = _printable(" ".join(text.split("\n")))
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def _printable(text: str) -> str:
    """Return a text in which nothing moves the cursor, changes direction or begins a command of a CI system."""
    safe = "".join(
        character if character.isprintable() else "\t" if character == "\t" else f"\\u{ord(character):04x}"
        for character in text
    )
    return f" {safe}" if safe.startswith(("::", "##")) else safe


def plain(lines: Iterable[Line]) -> str:
    """Return lines as one text without colours."""
    return "\n".join(line.text for line in lines)


def only_errors(lines: Sequence[Line]) -> list[Line]:
    """Return the lines that say what failed, for short tracebacks."""
    return [
        line
        for line, following in zip(lines, [*lines[1:], Line("")], strict=True)
        if line.style in ("error", "caret") or following.style == "caret"
    ]
