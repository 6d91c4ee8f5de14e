"""Reading a description: values, places, references, and all that cannot be read."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from pytest_apitest.jsonvalue import Number
from pytest_apitest.openapi import yaml_text
from pytest_apitest.openapi.description import DeadReferenceError, DescriptionError, read_description

YAML = b"""\
openapi: 3.1.0  # the version
info: {title: Quotes, version: 1.0.0}
paths:
  /quotes/{id}:
    get:
      responses:
        200:
          description: fine
        "404": {description: gone}
tags:
- name: one
- {name: "two"}
"""
JSON_WITH_TABS = b'{\n\t"openapi": "3.1.0",\n\t"paths": {\n\t\t"/a\\u007eb": {"get": {"tags": ["x", ["y", {"z": 1}]]}}\n\t}\n}\n'
BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{number}: &a{number} [{','.join([f'*a{number - 1}'] * 9)}]\n" for number in range(1, 9)
)
CHAIN = "a0: &a0 [1]\n" + "".join(f"a{number}: &a{number} [*a{number - 1}]\n" for number in range(1, 300))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[0x10, 0o17, 010, +15, -3, -0]", [16, 15, 10, 15, -3, 0]),
        ("[yes, on, No, y, 2024-01-01, 22:22, 1_000, 1.2.3]", ["yes", "on", "No", "y", "2024-01-01", "22:22", "1_000", "1.2.3"]),
        ("[true, True, FALSE, null, ~, '']", [True, True, False, None, None, ""]),
        ("['1', \"true\", !!str 7, !!int 7, !other x]", ["1", "true", "7", 7, "x"]),
        ("[.inf, -.INF, .nan]", [".inf", "-.INF", ".nan"]),
        ("{200: a, true: b, null: c, 1.0: d}", {"200": "a", "true": "b", "null": "c", "1.0": "d"}),
        ("base: &b {a: 1, b: 2}\none: {<<: *b, b: 3}\n", {"base": {"a": 1, "b": 2}, "one": {"b": 3, "a": 1}}),
        ("a: &a [1]\nb: *a\n", {"a": [1], "b": [1]}),
        ("x:\ny: |\n  two\n  lines\n", {"x": None, "y": "two\nlines\n"}),
        ('{"a": "\\u00e9\\ud83d\\ude00", "b": [1e400, 0.10]}', {"a": "é😀", "b": [Number("1e400"), Number("0.10")]}),
        ("# {\n{a: 1}", {"a": 1}),
        ("{a: 1,}", {"a": 1}),
        ("\ufeffa: 1\r\nb: 2\r\n", {"a": 1, "b": 2}),
    ],
)  # fmt: skip
def test_values(text: str, value: Any) -> None:
    got = read_description(text.encode(), "api.yaml").value
    assert (got, repr(got)) == (value, repr(value))


def test_numbers_keep_their_digits() -> None:
    value = read_description(b"[1.10, 1e3, .5, 1., +2.50, 00.7, -0.0]", "api.yaml").value
    assert [str(one) for one in value] == ["1.10", "1e3", "0.5", "1.0", "2.50", "0.7", "-0.0"]


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("openapi: 3.0.4", "3.0"),
        ("openapi: '3.1.0'", "3.1"),
        ("openapi: 3.2.0-rc1", "3.2"),
        ("openapi: 3.1", "3.1"),
        ("swagger: '2.0'", "2.0"),
        ("swagger: 2.0", "2.0"),
        ("swagger: 1.2", ""),
        ("openapi: 3.3.0", ""),
        ("openapi: 3.0.0.1", ""),
        ("openapi: [3.0.0]", ""),
        ("a: 1", ""),
        ("[1]", ""),
    ],
)
def test_versions(text: str, version: str) -> None:
    assert read_description(text.encode(), "api.yaml").version == version


@pytest.mark.parametrize(
    ("content", "pointer", "value_at", "key_at"),
    [
        (YAML, (), (1, 1), (1, 1)),
        (YAML, ("openapi",), (1, 10), (1, 1)),
        (YAML, ("info", "version"), (2, 32), (2, 23)),
        (YAML, ("paths", "/quotes/{id}", "get", "responses", "200", "description"), (8, 24), (8, 11)),
        (YAML, ("paths", "/quotes/{id}", "get", "responses", "404"), (9, 16), (9, 9)),
        (YAML, ("tags", 1, "name"), (12, 10), (12, 4)),
        (YAML, ("tags", 1), (12, 3), (12, 3)),
        (YAML, ("info", "titel", "x"), (2, 7), (2, 7)),
        (YAML, ("tags", 7), (11, 1), (11, 1)),
        (JSON_WITH_TABS, ("openapi",), (2, 13), (2, 2)),
        (JSON_WITH_TABS, ("paths", "/a~b"), (4, 16), (4, 3)),
        (JSON_WITH_TABS, ("paths", "/a~b", "get", "tags", 1, 1, "z"), (4, 51), (4, 46)),
        (JSON_WITH_TABS, ("paths", "gone"), (3, 11), (3, 11)),
        (b"a: &a {x: 1}\nb:\n  <<: *a\n  y: 2\n", ("b", "x"), (1, 11), (1, 8)),
        ("é: {é: é}\n".encode(), ("é", "é"), (1, 8), (1, 5)),
        ('a: "\u2028"\nb: 1\n'.encode(), ("b",), (2, 4), (2, 1)),
        (b"a: 1\nb: 2\na: 3\n", ("a",), (3, 4), (3, 1)),
    ],
)  # fmt: skip
def test_places(content: bytes, pointer: tuple[str | int, ...], value_at: object, key_at: object) -> None:
    description = read_description(content, "api")
    assert (description.place(pointer), description.place(pointer, key=True)) == (value_at, key_at)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"a: 1\nb: {c: 1, c: 2}\na: 2\n", [(("b", "c"), 2, 11), (("a",), 3, 1)]),
        (b"- {x: 1}\n- [{y: 1, 'y': 2, y: 3}]\n", [((1, 0, "y"), 2, 11), ((1, 0, "y"), 2, 19)]),
        (
            b'{"a": {"b": 1, "\\u0062": [1, {"c": 2, "c": 3}]}}',
            [(("a", "b"), 1, 16), (("a", "b", 1, "c"), 1, 39)],
        ),
        (b"200: 1\n'200': 2\n", [(("200",), 2, 1)]),
        (b"a: &a {x: 1}\nb: {<<: *a, <<: *a}\n", []),
        (b"a: 1\n", []),
    ],
)
def test_keys_that_are_written_twice(content: bytes, found: object) -> None:
    description = read_description(content, "api")
    assert [(one.pointer, one.line, one.column) for one in description.duplicates] == found


@pytest.mark.parametrize(
    ("ref", "found"),
    [
        ("#", ((), None)),
        ("#/a/0", (("a", 0), 1)),
        ("#/b~1c/d~0e", (("b/c", "d~e"), 2)),
        ("#/b%2Fc/d%7Ee", "leads to nothing"),
        ("#/b~1c/d~0%65", (("b/c", "d~e"), 2)),
        ("#/%7Bid%7D", (("{id}",), 3)),
        ("#/a/01", "leads to nothing"),
        ("#/a/2", "leads to nothing"),
        ("#/a/-", "leads to nothing"),
        ("#/a/99999999999999999999", "leads to nothing"),
        ("#/b~1c/d~0f", 'leads to nothing; did you mean "d~e"?'),
        ("#a", 'is no JSON pointer: it begins with "#/"'),
        ("other.yaml#/a", "leads out of this document, and nothing else is read"),
        ("", "leads out of this document, and nothing else is read"),
    ],
)
def test_references(ref: str, found: object) -> None:
    description = read_description(b'{"a": [1, 0], "b/c": {"d~e": 2}, "{id}": 3}', "api.json")
    if isinstance(found, str):
        with pytest.raises(DeadReferenceError) as raised:
            description.resolve(ref)
        assert str(raised.value) == found
        assert raised.value.external == ("leads out" in found)
        return
    pointer, value = description.resolve(ref)
    assert (pointer, value if pointer else None) == found


@pytest.mark.parametrize(
    ("content", "message", "line", "column"),
    [
        (b"", "it is empty", 0, 0),
        (b" \n\n", "it is empty", 0, 0),
        (b"# nothing\n", "it is empty", 0, 0),
        ("a: 1".encode("utf-16"), "not UTF-8: byte 0", 1, 1),
        (b"a: 1\nb: \xff\n", "not UTF-8: byte 8", 2, 4),
        (b"a: \x01", "control character U+0001 cannot stand in YAML", 1, 4),
        (b"a: [1\nb: 2\n", 'not YAML: a comma is missing before this, or the "[" of line 1 is not closed', 2, 1),
        (b"a: *secret\n", "not YAML: an alias without an anchor before it", 1, 4),
        (b"a: 1\n---\nb: 2\n", "not one document: it has a second one", 2, 1),
        (b"a: &a [1, *a]\n", "an alias inside of what it stands for", 1, 4),
        (b"? [a, b]\n: 1\n", "a key is one text, neither a list nor a mapping", 1, 3),
        (b"a: {<<: 1}\n", "a merge key takes a mapping, or a list of them", 1, 5),
        (b"a: " + b"1" * 2000, "a number is out of range; quote it if it is a text", 1, 4),
        (b'{"a": 1 ,\n}', 'not JSON: a comma too many before "}"', 1, 9),
        (b'{"a": [1,]}', 'not JSON: a comma too many before "]"', 1, 9),
        (b"{'a': 1}", "not JSON: expecting property name enclosed in double quotes", 1, 2),
        (b"a:\n\tb: 1\n", "not YAML: a tab; indent with blanks", 2, 1),
        (b"a: {$ref: #/x}\nb: c\n", 'not YAML: "#" starts a comment here; quote the value', 1, 11),
        (b"a: {'b #c': \"#d\", $ref: #/x}\nb: c\n", 'not YAML: "#" starts a comment here; quote the value', 1, 25),
        (b"a: [{x: y # why\nb: c\n", 'not YAML: this "{" is not closed', 1, 5),
        (b"- {$ref: #/x}\n- c\n", 'not YAML: "#" starts a comment here; quote the value', 1, 10),
        (b"a: [b\n", 'not YAML: this "[" is not closed', 1, 4),
        (b"a: b: secret\n", 'not YAML: ": " ends a plain text; quote the whole value', 1, 5),
        (b"a: 'b\n", "not YAML: this quote is not closed", 1, 4),
        (b"a:\n  b: c\n   d: e\n", "not YAML: indented deeper than the line above it, which already has a value", 3, 4),
        ("a: \u2028 {b\n".encode(), "not YAML: did not find expected ',' or '}'", 2, 1),
        (b"a: @b\n", 'not YAML: a text that begins with "@"; quote it', 1, 4),
        (b'{"a":\n 1', "not JSON: it ends early", 2, 3),
        (b'{"a": NaN}', "not JSON: NaN and Infinity are no JSON values", 0, 0),
        (b'{"a": 1e99999}', "not JSON: a number is out of range", 0, 0),
        (b'{"a": "\\ud800"}', "this text has half of a surrogate pair", 1, 7),
        (b"[" * 100_000, "nested deeper than 256 levels", 0, 0),
        (b"[" * 300 + b"]" * 300, "nested deeper than 256 levels", 0, 0),
        (b"a: " + b"{x: " * 100_000, "nested deeper than 256 levels", 0, 0),
        (b"- " * 100_000 + b"x", "nested deeper than 256 levels", 0, 0),
        (b"".join(b" " * depth + b"a:\n" for depth in range(1_500)), "nested deeper than 256 levels", 0, 0),
        (BOMB.encode(), "its aliases stand for more than 1,000,000 values", 7, 5),
        (CHAIN.encode(), "nested deeper than 256 levels", 257, 7),
    ],
    ids=lambda value: repr(value)[:30],
)  # fmt: skip
def test_what_cannot_be_read(content: bytes, message: str, line: int, column: int) -> None:
    begun = time.process_time()
    with pytest.raises(DescriptionError) as raised:
        read_description(content, "api.json" if content[:1] == b"{" else "api.yaml")
    error = raised.value
    assert (str(error), error.line, error.column) == (message, line, column)
    assert time.process_time() - begun < 3


def test_depth_256_can_be_read() -> None:
    for head in (b"", b"# YAML\n"):
        content = head + b"[" * 256 + b"]" * 256
        read_description(content, "api")


def test_aliases_that_stand_for_little_are_fine() -> None:
    text = "a: &a {x: [1, 2]}\n" + "".join(f"b{number}: [*a, *a]\n" for number in range(1_000))
    value = read_description(text.encode(), "api.yaml").value
    assert value["b999"] == [{"x": [1, 2]}, {"x": [1, 2]}]


def test_files(tmp_path: Path) -> None:
    file = tmp_path / "api.yaml"
    file.write_bytes(YAML)
    assert read_description(file, "here").shown == "here"
    for bad, message in (
        (tmp_path, "cannot be read: is a directory"),
        (tmp_path / "gone", "cannot be read: no such file or directory"),
        (Path("a\0b"), "cannot be read: no such file or directory"),
        (Path(os.devnull), "cannot be read: not a regular file"),
    ):
        with pytest.raises(DescriptionError, match=f"^{message}$"):
            read_description(bad, "x")
    with (tmp_path / "large").open("wb") as stream:
        stream.truncate(17 * 1024 * 1024)
    with pytest.raises(DescriptionError, match=r"^larger than 16,777,216 bytes \(16 MiB\)$"):
        read_description(tmp_path / "large", "x")


def test_json_and_yaml_readers_agree() -> None:
    value = {"a": [1, {"b": None, "c/d": "x\ny"}], "e~f": True, "": {"": []}}
    text = json.dumps(value, indent=1)
    as_json, as_yaml = (read_description(head + text.encode(), "api") for head in (b"", b"#\n"))
    assert as_json.value == as_yaml.value == value
    pointers: list[tuple[str | int, ...]] = [("a", 1, "c/d"), ("e~f",), ("", ""), ("a", 1, "b"), ()]
    for pointer in pointers:
        for key in (False, True):
            line, column = as_json.place(pointer, key=key)
            assert as_yaml.place(pointer, key=key) == (line + 1, column)


def test_the_same_is_read_without_libyaml(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = (
        YAML,
        b"a: &a {x: [1, 2.50]}\nb: {<<: *a, y: *a}\nb: [0x1F, ~, on]\n",
        JSON_WITH_TABS.replace(b"\t", b" "),
    )
    pointers: list[tuple[str | int, ...]] = [
        (),
        ("b",),
        ("tags", 1, "name"),
        ("b", "x"),
        ("paths", "/a~b", "get"),
    ]
    bad = (
        b"a: [1\nb: 2\n",
        b"a: *x\n",
        b"a: &a [1, *a]\n",
        b"a: 1\n---\nb: 2\n",
        b"a: &x 1\nb: &x 2\n",
        b"[" * 100_000,
    )

    def everything() -> list[object]:
        found: list[object] = []
        for text in texts:
            read = read_description(b"#\n" + text, "api")
            places = [read.place(pointer, key) for pointer in pointers for key in (True, False)]
            found.append((repr(read.value), places, [vars(one) for one in read.duplicates]))
        for text in bad:
            with pytest.raises(DescriptionError) as raised:
                read_description(b"#\n" + text, "api")
            found.append(raised.value.line)
        return found

    expected = everything()

    class Slow(yaml_text._Resolver, yaml.SafeLoader):
        pass

    monkeypatch.setattr(yaml_text, "_Loader", Slow)
    assert everything() == expected
