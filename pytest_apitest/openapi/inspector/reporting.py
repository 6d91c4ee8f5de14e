"""Findings as text for people, and as JSON, SARIF and JUnit for programs.

Sources: SARIF 2.1.0, sections 3.13 to 3.30; the JUnit form that pytest writes and CI servers read.
"""

import json
import os
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from pytest_apitest import __version__
from pytest_apitest.openapi.inspector.findings import Inspection, Unread
from pytest_apitest.openapi.inspector.rules import RULESETS, Rule

SCHEMA = "apitest-inspect/1"
FORMATS = ("text", "json", "sarif", "junit")
_LEVELS = {"error": "error", "warning": "warning", "info": "note"}


def as_text(inspections: Sequence[Inspection | Unread]) -> str:
    """Return findings with their lines, and a line that sums up each file; of what was not read there are none."""
    return "".join(f"{one.report}\n" for one in inspections if isinstance(one, Inspection))


def as_json(inspections: Sequence[Inspection | Unread]) -> str:
    """Return findings as JSON: an object for one file, a list for several."""
    found = [_plain(one) for one in inspections]
    return json.dumps(found[0] if len(found) == 1 else found, indent=1, ensure_ascii=False) + "\n"


def _plain(inspection: Inspection | Unread) -> dict[str, Any]:
    if isinstance(inspection, Unread):
        none = {"version": "", "valid": False, "score": None, "findings": []}
        place = {"line": inspection.line or None, "column": inspection.column or None}
        error = {"message": inspection.message, **place}
        return {"schema": SCHEMA, "file": inspection.file, **none, "error": error}
    return {
        "schema": SCHEMA,
        "file": inspection.file,
        "version": inspection.version,
        "valid": inspection.valid,
        "score": inspection.score,
        "findings": [
            {
                "rule": one.rule,
                "severity": one.severity,
                "message": one.message,
                "file": one.file,
                "pointer": one.pointer,
                "line": one.line,
                "column": one.column,
            }
            for one in inspection.findings
        ],
    }


def as_sarif(inspections: Sequence[Inspection | Unread], ruleset: str) -> str:
    """Return findings as a SARIF log with one run.

    Args:
        inspections: what was found; of what was not read there is a notification (section 3.58).
        ruleset: whose rules are described.

    """
    names = list(RULESETS[ruleset])
    rules = [
        {
            "id": rule.name,
            "shortDescription": {"text": rule.sentence},
            "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        }
        for rule in RULESETS[ruleset].values()
    ]
    results = [
        {
            "ruleId": one.rule,
            "ruleIndex": names.index(one.rule),
            "level": _LEVELS[one.severity],
            "message": {"text": one.message},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": _uri(one.file)},
                        "region": {
                            "startLine": one.line,
                            "startColumn": one.column,
                            "endColumn": one.column + one.width,
                        },
                    },
                    "logicalLocations": [{"fullyQualifiedName": one.pointer or "/"}],
                }
            ],
        }
        for inspection in inspections
        if isinstance(inspection, Inspection)
        for one in inspection.findings
    ]
    unread = [_notification(one) for one in inspections if isinstance(one, Unread)]
    driver = {"name": "apitest inspect", "version": __version__, "rules": rules}
    run: dict[str, Any] = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    if unread:
        run["invocations"] = [{"executionSuccessful": False, "toolExecutionNotifications": unread}]
    log = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=1, ensure_ascii=False) + "\n"


def _notification(unread: Unread) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(unread.file)}}
    if unread.line:
        physical["region"] = {"startLine": unread.line, "startColumn": unread.column}
    return {
        "level": "error",
        "message": {"text": unread.message},
        "locations": [{"physicalLocation": physical}],
    }


def _uri(file: str) -> str:
    """Return a file as SARIF names it: a URL as it is, a path relative to where it was named from."""
    return file if "://" in file else quote(file.replace(os.sep, "/"))


def as_junit(inspections: Sequence[Inspection | Unread], ruleset: str, failing: Sequence[str]) -> str:
    """Return a suite for each file and a case for each rule.

    Args:
        inspections: what was found; what was not read is a case with an error.
        ruleset: whose rules are the cases.
        failing: the severities that make a case fail; other findings are its output.

    """
    suites = []
    for one in inspections:
        name = _quoted(one.file)
        if isinstance(one, Unread):
            place = f":{one.line}:{one.column}" if one.line else ""
            error = f"<error message={_quoted(one.message)}>{_xml(escape(f'{one.file}{place}: {one.message}'))}</error>"
            cases = [f'<testcase classname={name} name="read">{error}</testcase>']
        else:
            cases = [_case(one, rule, failing) for rule in RULESETS[ruleset].values()]
        counts = " ".join(
            f'{counted}="{sum(f"><{tag}" in case for case in cases)}"'
            for counted, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped"))
        )
        suite = f'<testsuite name={name} tests="{len(cases)}" {counts}>'
        suites.append("\n".join([suite, *cases, "</testsuite>"]))
    body = "\n".join(suites)
    return f'<?xml version="1.0" encoding="utf-8"?>\n<testsuites>\n{body}\n</testsuites>\n'


def _case(inspection: Inspection, rule: Rule, failing: Sequence[str]) -> str:
    """Return the case of a rule, skipped where the rule had nothing to look at."""
    found = [one for one in inspection.findings if one.rule == rule.name]
    head = f"<testcase classname={_quoted(inspection.file)} name={_quoted(rule.name)}"
    if not found:
        return (
            f"{head}/>" if inspection.inspected else f'{head}><skipped message="not inspected"/></testcase>'
        )
    text = _xml(escape("\n".join(f"{one.file}:{one.line}:{one.column}: {one.message}" for one in found)))
    if rule.severity in failing:
        return f"{head}><failure message={_quoted(found[0].message)}>{text}</failure></testcase>"
    return f"{head}><system-out>{text}</system-out></testcase>"


def _quoted(text: str) -> str:
    return quoteattr(_xml(text))


def _xml(text: str) -> str:
    """Return a text without the characters that XML 1.0 refuses (section 2.2)."""
    return re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", "\ufffd", text)
