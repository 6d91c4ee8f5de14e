"""References: their grammar, their places in the file, the types they keep and what is said when they fail."""

from pathlib import Path
from typing import Any

import pytest

from pytest_apitest.engine.scope import Entry
from pytest_apitest.extensions import Extensions
from pytest_apitest.functions import FilterError
from pytest_apitest.jsonvalue import Number
from pytest_apitest.references import (
    Compiler,
    Literal,
    Reference,
    ReferenceSyntaxError,
    RenderError,
    Single,
    Text,
    UnsetError,
    Value,
)
from pytest_apitest.source import Scalar, Source, load
from tests.authoring import Author, scope

THINGS: dict[str, Any] = {
    "x": "text",
    "n": Number("1.10"),
    "i": 7,
    "t": True,
    "nil": None,
    "a-b": "dashed",
    "list": ["zero", {"k": "v"}, [1, 2]],
    "map": {"name": "ada", "a b": 1, "it's": 2, "in-ner": {"deep": [True]}, "null": None, "": "empty"},
    "data": b"\x00\xff",
    "like": "${x}",
    "empty": {},
}


def compiled(text: str, extensions: Extensions | None = None) -> Value:
    """Compile a text as a plain scalar of one line."""
    tables = extensions or Extensions()
    compiler = Compiler(Source(Path("/doc.yaml"), "doc.yaml", text), tables.functions, tables.filters)
    return compiler.compile(Scalar(text, "", 1, 1, len(text)))


def rendered(text: str, **more: Any) -> Any:
    return compiled(text).render(scope(**{**THINGS, **more}))


def only(value: Value) -> Reference:
    (reference,) = value.references()
    return reference


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${x}", "text"),
        ("${n}", Number("1.10")),
        ("${i}", 7),
        ("${t}", True),
        ("${nil}", None),
        ("${list}", THINGS["list"]),
        ("${data}", b"\x00\xff"),
        ("${a-b}", "dashed"),
        ("${ x }", "text"),
        ("${\n x\t}", "text"),
        ("${list[0]}", "zero"),
        ("${list[-1]}", [1, 2]),
        ("${list[-1][0]}", 1),
        ("${list[1].k}", "v"),
        ("${list [ 1 ] . k}", "v"),
        ("${map.name}", "ada"),
        ("${map['a b']}", 1),
        ("${map['it''s']}", 2),
        ("${map['']}", "empty"),
        ("${map.in-ner.deep[0]}", True),
        ("${map.null}", None),
        ("${like}", "${x}"),  # never evaluated again
    ],
)
def test_a_reference_alone_keeps_its_type(text: str, value: Any) -> None:
    found = rendered(text)
    assert type(found) is type(value)
    assert found == value
    assert isinstance(compiled(text), Single)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a ${x} b", "a text b"),
        ("${x}${i}", "text7"),
        (" ${i}", " 7"),
        ("${i}\n", "7\n"),
        ("v${n}", "v1.10"),
        ("${t}/${x}", "true/text"),
        ("<${like}>", "<${x}>"),
        ("${map.name}@${list[1].k}", "ada@v"),
        ("$ $x {x} $}", "$ $x {x} $}"),
        ("a$", "a$"),
        ("$${x}", "${x}"),
        ("$${x} is ${x}", "${x} is text"),
        ("${x}$${x}", "text${x}"),
        ("$$${x}", "$${x}"),
        ("$${", "${"),
        ("$$${x}${x}", "$${x}text"),
        ("${x | replace('t', '}')}!", "}ex}!"),
        ("${x | replace('t', '${')}!", "${ex${!"),
        ("${x | default('it''s')}!", "text!"),
        ("${nil | default('')}!", "!"),
    ],
)
def test_inside_other_text_a_reference_is_text(text: str, value: str) -> None:
    assert rendered(text) == value


@pytest.mark.parametrize("text", ["$${x}", "$${", "a $${x} b"])
def test_a_text_with_escapes_only_is_a_constant(text: str) -> None:
    assert isinstance(compiled(text), Literal)
    assert list(compiled(text).references()) == []


def test_the_references_of_a_text_come_in_order() -> None:
    value = compiled("${x}-${map.name | upper}-${uuid()}-$${not}")
    assert isinstance(value, Text)
    assert [one.text for one in value.references()] == ["x", "map.name | upper", "uuid()"]
    assert [one.name for one in value.references()] == ["x", "map", ""]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${x | upper}", "TEXT"),
        ("${x|upper|lower}", "text"),
        ("${ x | slice( 0 , -1 ) | upper }", "TEX"),
        ("${x | slice(1)}", "ext"),
        ("${i | text}", "7"),
        ("${nil | default(false)}", False),
        ("${nil | default(null)}", None),
        ("${nil | default(1.50)}", Number("1.50")),
        ("${nil | default(-3)}", -3),
        ("${nil | default('')}", ""),
        ("${unset | default('d')}", "d"),
        ("${map.gone | default('d')}", "d"),
        ("${list[9] | default('d')}", "d"),
        ("${nil.a.b | default('d')}", "d"),
        ("${unset | upper | default('d')}", "d"),  # nothing to work on before the default
        ("${unset | default('d') | upper}", "D"),
        ("${x | default('d') | upper}", "TEXT"),
        ("${x | split('e') | last}", "xt"),
        ("${map.in-ner | json}", '{"deep":[true]}'),
        ("${list[2] | json}!", "[1,2]!"),
        ("${data | base64}!", "AP8=!"),
        ("${repeat('ab', 2)}", "abab"),
        ("${repeat('ab', 2) | upper}!", "ABAB!"),
        ("${ repeat ( 'a' , 3 ) }", "aaa"),
        ("${random_int(5, 5)}", 5),
        ("${list[1] | each_key('upper') | json}!", '{"K":"v"}!'),
        ("${list[1] | each_value('replace', 'v', 'w')}", {"k": "w"}),
    ],
)
def test_functions_and_filters(text: str, value: Any) -> None:
    found = rendered(text)
    assert type(found) is type(value)
    assert found == value


NESTED = "a reference cannot stand inside another"
UNCLOSED = "unclosed ${; write $${ for a literal ${"


@pytest.mark.parametrize(
    ("text", "offset", "message"),
    [
        ("${", 0, UNCLOSED),
        ("a ${x", 2, UNCLOSED),
        ("${x ${y}", 0, NESTED),
        ("${${x}}", 0, NESTED),
        ("${upper(${x})}", 7, NESTED),
        ("${repeat(${x}, 2)}", 8, NESTED),
        ("${}", 0, "a name is missing in ${}"),
        ("${ }", 0, "a name is missing in ${}"),
        ("${1}", 0, 'a reference begins with a name or a function, not "1}"; write $${ for a literal ${'),
        ("${é}", 0, 'a reference begins with a name or a function, not "é}"; write $${ for a literal ${'),
        ("${'a'}", 0, "a reference begins with a name or a function, not \"'a'}\"; write $${ for a literal ${"),
        ("${x + 1}", 0, 'no expressions in a reference: "+" is not understood; use a filter, or compute it in Python'),
        ("${x == 1}", 0, 'no expressions in a reference: "=" is not understood; use a filter, or compute it in Python'),
        ("${x ? 1}", 0, 'no expressions in a reference: "?" is not understood; use a filter, or compute it in Python'),
        ("${x y}", 0, '"y}" is not understood in a reference'),
        ("${uuid().x}", 0, '".x}" is not understood in a reference'),
        ("${x.}", 3, "a name is missing after the point in a reference"),
        ("${x.0}", 3, "a name is missing after the point in a reference"),
        ("${x[}", 3, "an index is an integer or a name in single quotes: [0], ['a b']"),
        ("${x[1.5]}", 3, '"]" is missing in a reference'),
        ("${x[a]}", 3, "an index is an integer or a name in single quotes: [0], ['a b']"),
        ('${x["a"]}', 3, "an index is an integer or a name in single quotes: [0], ['a b']"),
        ("${x[9999999999999999999]}", 3, "an index is an integer or a name in single quotes: [0], ['a b']"),
        ("${x['a'}", 3, '"]" is missing in a reference'),
        ("${x |}", 0, 'the name of a filter is missing after "|"'),
        ("${x | uper}", 0, 'unknown filter "uper"; did you mean "upper"?'),
        ("${x | $}", 0, 'the name of a filter is missing after "|"'),
        ("${uid()}", 0, 'unknown function "uid"; did you mean "uuid"?'),
        ("${uuid(1)}", 0, "function uuid takes no argument, got 1"),
        ("${now('1h', 2)}", 0, "function now takes 0 to 1 arguments, got 2"),
        ("${random_int(1)}", 0, "function random_int takes 2 arguments, got 1"),
        ("${random_text()}", 0, "function random_text takes 1 argument, got 0"),
        ("${x | split}", 0, "filter split takes 1 argument, got 0"),
        ("${x | slice(1, 2, 3)}", 0, "filter slice takes 1 to 2 arguments, got 3"),
        ("${x | each_key}", 0, "filter each_key takes at least 1 argument, got 0"),
        ("${x | each_key(1)}", 0, "each_key needs the name of a filter in single quotes, got 1"),
        ("${x | each_key('uper')}", 0, 'unknown filter "uper"; did you mean "upper"?'),
        ("${x | each_value('raw')}", 0, "raw stands only in a URL, not in each_value"),
        ("${x | each_value('split')}", 0, "filter split takes 1 argument, got 0"),
        ("${x | each_value('each_value', 'split')}", 0, "filter split takes 1 argument, got 0"),
        ("${random_int(2, 1)}", 0, "random_int: the first end, 2, is larger than the second, 1"),
        ("${x | plus('10Y')}", 0, 'plus: "10Y" is no ISO 8601 duration, such as P10Y, -P1M or PT1H'),
        ("${x | split('')}", 0, 'split: needs a text that is not empty, got "" (text)'),
        ("${repeat(a, 2)}", 8, "an argument is a number or a text in single quotes: 'a'"),
        ('${repeat("a", 2)}', 8, "texts in a reference stand in single quotes"),
        ("${repeat('a, 2)}", 8, "a single quote is not closed in a reference"),
        ("${repeat('a' 2)}", 8, '"," or ")" is missing between arguments'),
        ("${repeat('a', 2", 8, '"," or ")" is missing between arguments'),
        ("${repeat('a', )}", 8, "an argument is a number, a text in single quotes, true, false or null"),
        ("${repeat('a', [1])}", 8, "an argument is a number, a text in single quotes, true, false or null"),
        ("${x | default(1e99999)}", 13, "the number 1e99999 is out of range"),
        ("${x} ${y", 5, UNCLOSED),
    ],
)  # fmt: skip
def test_what_is_no_reference(text: str, offset: int, message: str) -> None:
    with pytest.raises(ReferenceSyntaxError) as caught:
        compiled(text)
    assert caught.value.message == message
    assert (caught.value.offset, caught.value.line, caught.value.column) == (offset, 1, offset + 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${map.gone}", 'map has no "gone"; there are name, a b, it\'s, in-ner, null, '),
        ("${list[1].gone}", 'list[1] has no "gone"; there is k'),
        ("${empty.gone}", 'empty has no "gone"; there is nothing in it'),
        ("${x.gone}", 'x is a text, so it has no "gone"'),
        ("${nil.gone}", 'nil is null, so it has no "gone"'),
        ("${list.gone}", 'list is an array, so it has no "gone"'),
        ("${map[0]}", "map is an object, so it has no [0]"),
        ("${x[0]}", "x is a text, so it has no [0]"),
        ("${list[3]}", "list has 3 elements, so no [3]"),
        ("${list[-4]}", "list has 3 elements, so no [-4]"),
        ("${map.in-ner.deep[1]}", "map.in-ner.deep has 1 element, so no [1]"),
        ("<${nil}>", "nil is null inside a text; use | json or | default('')"),
        ("<${list}>", "list is an array inside a text; use | json or | default('')"),
        ("<${map.in-ner}>", "map.in-ner is an object inside a text; use | json or | default('')"),
        ("<${data}>", "data is bytes inside a text; use | json or | default('')"),
        ("${n | int}", "n | int: 1.10 is no integer"),
        ("${i | upper}", "i | upper: needs a text, got 7 (number)"),
        ("${list[1].k | int | text}", 'list[1].k | int: "v" is no number'),
        ("${x | replace('|', 'b') | int}", 'x | int: "text" is no number'),
        ("${repeat('a', 2) | int}", "repeat('a', 2) | int: \"aa\" is no number"),
        ("${unset}", "unset has no value yet"),
        ("${x | int | default('d')}", 'x | int: "text" is no number'),
    ],
)
def test_what_cannot_be_rendered(text: str, message: str) -> None:
    with pytest.raises(RenderError) as caught:
        rendered(text)
    assert caught.value.message == message
    assert str(caught.value.place) == f"doc.yaml:1:{text.index('${') + 1}"


def test_a_name_that_is_unset_says_what_becomes_of_the_step() -> None:
    with pytest.raises(UnsetError) as caught:
        rendered("${unset}")
    assert (caught.value.name, caught.value.outcome) == ("unset", "error")


def test_a_function_that_fails_at_run_time_says_so() -> None:
    def broken() -> str:
        """Fail."""
        raise FilterError("no luck")

    extensions = Extensions()
    extensions.add_function("broken", broken)
    value = compiled("a ${broken()}", extensions)
    with pytest.raises(RenderError) as caught:
        value.render(scope())
    assert (caught.value.message, str(caught.value.place)) == ("broken: no luck", "doc.yaml:1:3")


def test_a_function_is_called_at_each_rendering_and_only_then() -> None:
    calls = []

    def count() -> int:
        """Count."""
        calls.append(1)
        return len(calls)

    extensions = Extensions()
    extensions.add_function("count", count)
    value = compiled("${count()}-${count()}", extensions)
    assert calls == []
    assert [value.render(scope()), value.render(scope())] == ["1-2", "3-4"]


def test_what_filters_make_of_a_secret_is_secret() -> None:
    names = scope()
    names.set("word", Entry("swordfish", "variable", "a test", secret=True))
    assert compiled("${word | upper | slice(0, 5)}").render(names) == "SWORD"
    assert (
        names.redactor.text("SWORD and SWORDFISH")
        == "[redacted: word filtered] and [redacted: word filtered]FISH"
    )


@pytest.mark.parametrize(
    ("yaml", "places"),
    [
        ("k: ${a} and ${b}", [(1, 4), (1, 13)]),
        ("k: '${a}'", [(1, 5)]),
        ('k: "é ${a}"', [(1, 7)]),
        ("k: 'it''s ${a} ${b}'", [(1, 11), (1, 16)]),
        ('k: "\\t${a} $${x} ${b}"', [(1, 7), (1, 18)]),
        ("k: |\n  one\n   ${a}\n  ${b}\n", [(3, 4), (4, 3)]),
        ("k: >-\n  one ${a}\n  two ${b}\n", [(2, 7), (3, 7)]),
        ("k: one\n  two ${a}\n", [(2, 7)]),
        ("k: 'one\n  ${a}'\n", [(2, 3)]),
        ('k: "\\x24{a}"', [(1, 4)]),  # written with an escape: the scalar
    ],
)
def test_a_reference_stands_where_it_stands_in_the_file(yaml: str, places: list[tuple[int, int]]) -> None:
    tables = Extensions()
    source = Source(Path("/doc.yaml"), "doc.yaml", yaml)
    root, problems = load(source)
    assert problems == []
    scalar = root.get("k")
    assert isinstance(scalar, Scalar)
    value = Compiler(source, tables.functions, tables.filters).compile(scalar)
    assert [(one.line, one.column) for one in value.references()] == places


def test_a_long_text_is_compiled_in_one_pass() -> None:
    value = compiled("${x} $${y} " * 20_000)
    assert value.render(scope(x="1")) == "1 ${y} " * 20_000


# -- in documents ---------------------------------------------------------------------------------------

HEAD = "scenario: t\nendpoints: {api: {url: 'https://a.example'}}\n"
STEPS = "steps: [{request: GET /}]\n"


@pytest.mark.parametrize(
    ("variables", "ring"),
    [
        ("{a: '${a}'}", "a -> a"),
        ("{a: '${b}', b: '${a}'}", "a -> b -> a"),
        ("{a: '${b}', b: '${c}', c: 'x ${a}'}", "a -> b -> c -> a"),
    ],
)
def test_a_ring_of_variables_is_refused(tmp_path: Path, variables: str, ring: str) -> None:
    said = Author(tmp_path).messages(f"{HEAD}variables: {variables}\n{STEPS}")
    assert said == [f"3:13: variables refer to each other: {ring}"]


def test_a_name_that_nobody_owns_is_refused_with_the_nearest(tmp_path: Path) -> None:
    author = Author(tmp_path)
    said = author.messages(f"{HEAD}variables: {{quote: 1}}\nsteps: [{{request: 'GET /${{qoute}}'}}]\n")
    assert said == ['4:25: "qoute" is not defined; did you mean "quote" (line 3)?']


@pytest.mark.parametrize("number", ["1e99999999999999999999", "-1.5E+6000", "1e-6000"])
def test_a_number_that_nobody_can_mean_is_refused_in_a_file(tmp_path: Path, number: str) -> None:
    said = Author(tmp_path).messages(f"{HEAD}variables: {{a: {number}}}\n{STEPS}")
    assert said == [f"3:16: the number {number} is out of range: quote it if it is a text"]
