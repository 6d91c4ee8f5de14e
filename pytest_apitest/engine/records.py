"""From what happened to what is shown: exchanges, variables and a curl line, redacted (design, promise 3).

Rules kept here:
- this is the door through which everything leaves the engine: behind it no secret is left;
- it is passed when the case is over, since a secret may be learnt after it was seen;
- steps that passed keep a summary, steps that did not keep headers and the beginning of bodies.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import field

from pytest_apitest.data import record
from pytest_apitest.engine.credentials import USER_AGENT
from pytest_apitest.engine.scope import Entry
from pytest_apitest.engine.sending import Hop, Sent
from pytest_apitest.exchange import Request
from pytest_apitest.jsonpath import (
    Document,
    JSONPathError,
    Location,
    Path,
    compile_path,
    normalized,
    value_at,
)
from pytest_apitest.jsonvalue import NotJSONError, dumps, loads, show
from pytest_apitest.outcome import ERROR, FAILED, ExchangeRecord, Failure, StepOutcome, VariableRecord
from pytest_apitest.patterns import deferred
from pytest_apitest.redaction import MASK, Redactor

BODY_LIMIT = 16 * 1024
TEXT_LIMIT = 4 * 1024
EXCERPT_LIMIT = 600
VALUE_LIMIT = 200
_NAME = deferred(r"[^A-Za-z0-9_]")
_CONTROL = deferred(r"[\x00-\x08\n-\x1f\x7f]")
# Headers that curl sends by itself, so that a line with them would only be longer.
_CURL_OWN = {"host": None, "content-length": None, "accept": "*/*", "user-agent": USER_AGENT}


@record
class RawStep:
    """A step that ran, with everything that is not redacted yet.

    Args:
        outcome: its outcome; texts in it are raw.
        sent: the last try, or None.
        touched: the names it used.
        detailed: whether it keeps details although it passed.
        used: the lines that use the fragment it stands in, innermost first; empty outside of fragments.

    """

    outcome: StepOutcome
    sent: Sent | None = None
    touched: Mapping[str, Entry] = field(default_factory=dict)
    detailed: bool = False
    used: str = ""


def finish(raw: RawStep, redactor: Redactor) -> StepOutcome:
    """Return the outcome of a step with everything redacted."""
    outcome = raw.outcome
    outcome.name = redactor.text(outcome.name)
    outcome.row = redactor.text(outcome.row)
    outcome.reason = redactor.cut(outcome.reason, TEXT_LIMIT)
    detailed = raw.detailed or outcome.outcome in (FAILED, ERROR) or bool(outcome.warnings)
    if raw.sent is not None:
        outcome.exchanges = [exchange_record(hop, redactor, detailed=detailed) for hop in raw.sent.hops]
        if outcome.failures:
            _show_where_it_failed(outcome, raw.sent, redactor)
    if not detailed:
        outcome.notes = [redactor.cut(note, TEXT_LIMIT) for note in outcome.notes]
        return outcome
    outcome.failures = [_failure(failure, redactor) for failure in outcome.failures]
    outcome.warnings = [_failure(failure, redactor) for failure in outcome.warnings]
    outcome.notes = [redactor.cut(note, TEXT_LIMIT) for note in outcome.notes]
    if raw.used:
        outcome.notes.insert(0, f"used at {raw.used}")
    outcome.variables = [_variable(name, entry, redactor) for name, entry in raw.touched.items()]
    return outcome


def _show_where_it_failed(outcome: StepOutcome, sent: Sent, redactor: Redactor) -> None:
    """Keep the part of a long JSON body that the first failed path points into."""
    response = sent.response
    path = next((one.path for one in outcome.failures if one.path.startswith("$")), "")
    if response is None or not path or len(response.body) <= EXCERPT_LIMIT:
        return
    try:
        document = Document(loads(response.body))
        steps = compile_path(path).steps or ()
    except (NotJSONError, JSONPathError):
        return
    reached: Location = ()
    for end in range(len(steps), 0, -1):
        if Path("", singular=True, steps=steps[:end]).find(document):
            # The parent shows the failing value among its neighbours.
            reached = steps[: end - 1] if end == len(steps) else steps[:end]
            break
    try:
        shown = f"{normalized(reached)}: {dumps(value_at(document.value, reached))}"
    except TypeError:
        return
    outcome.exchanges[-1].response_excerpt = redactor.cut(shown, EXCERPT_LIMIT)


def _failure(failure: Failure, redactor: Redactor) -> Failure:
    return Failure(
        redactor.cut(failure.path, TEXT_LIMIT),
        redactor.cut(failure.message, TEXT_LIMIT),
        redactor.cut(failure.expected, TEXT_LIMIT),
        redactor.cut(failure.got, TEXT_LIMIT),
        failure.file,
        failure.line,
        failure.column,
        failure.width,
        failure.kind,
    )


def _variable(name: str, entry: Entry, redactor: Redactor) -> VariableRecord:
    shown = (
        f"[redacted: {name}]"
        if entry.secret
        else redactor.cut(show(entry.value, VALUE_LIMIT * 2), VALUE_LIMIT)
    )
    if isinstance(entry.value, str) and not entry.secret:
        shown = redactor.cut(entry.value, VALUE_LIMIT)
        if shown != shown.strip() or not shown or "\n" in shown:
            shown = show(shown, VALUE_LIMIT)
    return VariableRecord(name, shown, redactor.text(entry.origin))


def exchange_record(hop: Hop, redactor: Redactor, *, detailed: bool) -> ExchangeRecord:
    """Return an exchange as it is shown."""
    request, response = hop.request, hop.response
    record = ExchangeRecord(
        redactor.text(request.method),
        redactor.cut(request.url, TEXT_LIMIT),
        request_size=len(request.body or b""),
    )
    if response is not None:
        record.status = response.status
        record.reason = redactor.cut(response.reason, 100)
        media_type = (response.header("content-type") or "").partition(";")[0].strip()
        record.content_type = redactor.cut(media_type, 100)
        record.response_size = len(response.body)
        record.duration = response.duration
    if hop.error is not None:
        record.error = redactor.cut(hop.error.message, TEXT_LIMIT)
    if detailed:
        record.request_headers = redactor.headers(request.headers)
        record.request_body = body_text(request.body or b"", request.headers, redactor)
        record.curl = curl_line(request, redactor)
        if response is not None:
            record.response_headers = redactor.headers(response.headers[:200])
            record.response_body = body_text(response.body, response.headers, redactor)
    return record


def body_text(body: bytes, headers: Iterable[tuple[str, str]], redactor: Redactor) -> str:
    """Return the beginning of a body as text, or what it is when it is no text."""
    if not body:
        return ""
    window = body[: BODY_LIMIT * 2]
    try:
        text = window.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(window) - 4 or len(window) == len(body):
            media_type = next((value for name, value in headers if name.lower() == "content-type"), "")
            return f"<{len(body):,} bytes{' of ' + redactor.text(media_type) if media_type else ''}>"
        text = window[: error.start].decode("utf-8")
    shown = redactor.cut(text, BODY_LIMIT)
    return shown if len(body) <= len(window) and len(shown) < BODY_LIMIT else f"{shown}…"


# -- curl -----------------------------------------------------------------------------------------------


def curl_line(request: Request, redactor: Redactor) -> str:
    """Return a curl command that sends a request again; secrets are environment variables."""
    words = ["curl", "-sS"]
    if request.method == "HEAD":
        words.append("-I")
    elif request.method != ("GET" if request.body is None else "POST"):
        words.append(f"-X {request.method}")
    if request.route.verify is False:
        words.append("-k")
    elif isinstance(request.route.verify, str):
        words.append(f"--cacert {_quoted(request.route.verify, redactor)}")
    if request.route.cert:
        words.append(f"--cert {_quoted(request.route.cert, redactor)}")
    if request.route.proxy:
        words.append(f"-x {_quoted(request.route.proxy, redactor)}")
    for name, value in request.headers:
        words += _header_words(name, value, redactor)
    if request.body is not None:
        words.append(_data(request, redactor))
    words.append(_quoted(request.url, redactor))
    return " ".join(words)


def _header_words(name: str, value: str, redactor: Redactor) -> list[str]:
    lowered = name.lower()
    if lowered in _CURL_OWN and _CURL_OWN[lowered] in (None, value):
        return []
    if lowered == "accept-encoding":
        return ["--compressed"]
    if lowered == "authorization" and value.startswith("Basic "):
        try:
            pair = base64.b64decode(value[6:]).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError):
            pair = ""
        if pair:
            user, _, _ = pair.partition(":")
            shown = _quoted(pair, redactor)
            return [f"-u {shown if '$' in shown else _quoted(f'{user}:{MASK}', redactor)}"]
    shown = redactor.header(name, value).replace(MASK, f"[redacted: {name}]")
    return [f"-H {_quoted(f'{name}: {shown}', redactor)}"]


def _data(request: Request, redactor: Redactor) -> str:
    body = request.body or b""
    media_type = next((value for name, value in request.headers if name.lower() == "content-type"), "")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    if (not text and body) or len(text) > TEXT_LIMIT or media_type.startswith("multipart/"):
        return "--data-binary @body"
    # Behind the other option a text that begins with @ is the name of a file.
    return f"--data-{'raw' if text[:1] == '@' else 'binary'} {_quoted(text, redactor)}"


def _quoted(text: str, redactor: Redactor) -> str:
    """Quote a text for a POSIX shell, with a variable in the place of every secret."""
    pieces = redactor.pieces(text)
    if all(name is None for _, name in pieces):
        plain = "".join(piece for piece, _ in pieces)
        if re.fullmatch(r"[A-Za-z0-9_@%+=:,./-]+", plain):
            return plain
        return "'" + _controls(plain.replace("'", "'\\''"), "'") + "'"
    out = []
    for piece, name in pieces:
        if name is None:
            out.append(re.sub(r'([\\"$`])', r"\\\1", piece))
        else:
            out.append("${" + redactor.variables.get(name, _NAME.sub("_", name).upper()) + "}")
    return '"' + _controls("".join(out), '"') + '"'


def _controls(text: str, quote: str) -> str:
    """Return a quoted text with line breaks and the like as escapes, so that the command stays on one line."""
    return _CONTROL.sub(lambda found: f"{quote}$'{_escape(found.group())}'{quote}", text)


def _escape(control: str) -> str:
    return {"\n": "\\n", "\r": "\\r"}.get(control, f"\\x{ord(control):02x}")
