"""Checking the exchanges of a step against the description of its endpoint (language, sections 4 and 7, openapi).

Rules kept here:
- every request of a try that got an answer is looked at, those of redirects too, each by its own endpoint;
- without `expect: {openapi: …}` the whole exchange counts;
- a step that asks for the check and has no description fails: nothing passes because nobody looked;
- what is exercised is noted where it is checked, and only when somebody asks for it.
"""

import urllib.parse
from typing import TYPE_CHECKING, Any

from pytest_apitest.data import changed
from pytest_apitest.engine.answers import Answer
from pytest_apitest.engine.descriptions import Descriptions
from pytest_apitest.engine.sending import Hop, Sender, Sent
from pytest_apitest.language.model import Mark, OpenApi, Step
from pytest_apitest.outcome import Failure

if TYPE_CHECKING:
    from pytest_apitest.openapi.contract import Side, Violation


def violations(
    sent: Sent, step: Step, answer: Answer, shown: str, sender: Sender
) -> tuple[list[Failure], list[Failure], int]:
    """Return failures, warnings and the number of checks.

    Args:
        sent: one try.
        step: its step.
        answer: the last answer, which may have been read as JSON already.
        shown: the file of the step, as shown.
        sender: what sent it.

    Raises:
        NotSentError: a redirect led to an endpoint whose description cannot be read.

    """
    part = step.expect.openapi if step.expect is not None else ""
    mark = step.expect.mark if part and step.expect is not None else step.mark
    failures: list[Failure] = []
    warnings: list[Failure] = []
    checks = 0
    for hop in sent.hops:
        described = sender.description(step.settings, hop.endpoint)
        if described is None or hop.response is None:
            continue
        checks += 1
        setting, contract = described
        for violation in _found(setting, contract, hop, part or "exchange", answer, sender.descriptions):
            failure = _failure(violation, mark, shown)
            if violation.warning:
                warnings.append(changed(failure, kind="should"))
            else:
                failures.append(failure)
    if part and not checks:
        message = "openapi: the endpoint of this request has no description"
        failures.append(Failure("openapi", message, file=shown, line=mark.line, column=mark.column))
        checks = 1
    return failures, warnings, checks


def _found(
    setting: OpenApi, contract: Any, hop: Hop, part: "Side | str", answer: Answer, descriptions: Descriptions
) -> "list[Violation]":
    from pytest_apitest.openapi.contract import Exchange, Trace  # noqa: PLC0415 - only where there is a description

    assert hop.response is not None
    request, response = hop.request, hop.response
    base = urllib.parse.urlsplit(hop.endpoint.base).path.rstrip("/") if hop.endpoint is not None else ""
    exchange = Exchange(
        request.method,
        request.url,
        request.headers,
        request.body,
        response.status,
        response.headers,
        response.body,
        base,
        (lambda: answer.json.value) if response is answer.response else None,
    )
    trace = Trace()
    found: list[Violation] = contract.violations(exchange, setting.undocumented, part, trace)
    if descriptions.sheets is not None:
        violated = any(not violation.warning for violation in found)
        descriptions.sheet(contract).note(exchange, trace, violated=violated)
    return found


def _failure(violation: "Violation", mark: Mark, shown: str) -> Failure:
    where = " ".join(filter(None, ("openapi:", violation.side, violation.at)))
    message = f"{where.removesuffix(':')}: {violation.message} ({violation.place})"
    in_body = violation.rule == "body" and violation.side == "response" and violation.at
    path = violation.at if in_body else "openapi"
    return Failure(path, message, file=shown, line=mark.line, column=mark.column, width=mark.width)
