"""The JSON Schema of documents for editors, made from the declarations of the keywords (language, section 13)."""

from typing import Any

from pytest_apitest.extensions import Extensions
from pytest_apitest.language.documents import RECORDS
from pytest_apitest.language.shapes import Book, Schema


def editor_schema(extensions: Extensions) -> Schema:
    """Return the schema of every kind of document.

    Args:
        extensions: tables of operators and schemes, those of a project among them.

    """
    book = Book(extensions)
    kinds = {kind: record.schema(book) for kind, record in RECORDS.items()}
    docs = {
        kind: next(key.doc for key in record.keys if key.name == kind) for kind, record in RECORDS.items()
    }
    branches: Any = {"propertyNames": {"enum": list(kinds)}}
    for kind in reversed(kinds):
        branches = {"if": {"required": [kind]}, "then": kinds[kind], "else": branches}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:pytest-apitest:language:1",
        "title": "pytest-apitest document",
        "description": "Scenario, contract and fragment documents, language 1.",
        "type": "object",
        "minProperties": 1,
        "properties": {kind: {"description": doc} for kind, doc in docs.items()},
        **branches,
        "defaultSnippets": [
            {"label": "scenario", "body": {"scenario": "$1", "steps": [{"request": "GET ${2:url}"}]}}
        ],
        "$defs": dict(sorted(book.definitions.items())),
    }
