"""Regular expressions: what they find, what is refused and why, and that no text makes one slow."""

import time

import pytest

from pytest_apitest.regex import RegexError, compile_regex, escape


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("b", "abc", True),
        ("^b", "abc", False),
        ("^abc$", "abc", True),
        ("^abc$", "abc\n", False),
        ("a.c", "a\nc", False),
        ("(?s)a.c", "a\nc", True),
        ("(?i)É", "é", True),
        ("^.$", "😀", True),
        ("^.$", "\ud800", True),
        (r"\d", "١", False),
        (r"\p{L}+", "é", True),
        ("", "", True),
        ("[[:alpha:]]", "x", True),
    ],
)
def test_an_expression_is_found_anywhere(pattern: str, text: str, found: bool) -> None:
    assert compile_regex(pattern).search(text) is found


@pytest.mark.parametrize(
    ("pattern", "text", "values"),
    [
        (r"\d+", "a1b22c", ["1", "22"]),
        (r"(\w)=(\d)", "a=1,b=2", ["a", "b"]),
        ("(?:a|b)=(.)", "a=1,b=2", ["1", "2"]),
        ("(?P<name>x.)", "x1x2", ["x1", "x2"]),
        ("a(b)?", "aab", ["", "b"]),
        ("x", "abc", []),
        ("é(.)", "éaé😀", ["a", "😀"]),
        ("aa", "aaa", ["aa"]),
    ],
)
def test_every_match_gives_its_first_group_or_itself(pattern: str, text: str, values: list[str]) -> None:
    assert compile_regex(pattern).values(text) == values


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("a(?=b)", "look-ahead (?=…) is not part of RE2: write it as two checks"),
        ("a(?!b)", "look-ahead (?!…) is not part of RE2: write it as two checks"),
        ("(?<=a)b", "look-behind (?<=…) is not part of RE2: write it as two checks"),
        ("(?<!a)b", "look-behind (?<!…) is not part of RE2: write it as two checks"),
        (r"(a)\1", "back-references are not part of RE2: write it as two checks"),
        ("(", "not a regular expression (RE2): missing ): ("),
        ("a)", "not a regular expression (RE2): unexpected ): a)"),
        ("[a", "not a regular expression (RE2): missing ]: [a"),
        ("*", "not a regular expression (RE2): no argument for repetition operator: *"),
        ("a{1001}", "not a regular expression (RE2): invalid repetition size: {1001}"),
        (r"\q", r"not a regular expression (RE2): invalid escape sequence: \q"),
        ("\ud800", "half a surrogate pair is no character to search for"),
    ],
)
def test_what_is_refused(pattern: str, message: str) -> None:
    with pytest.raises(RegexError) as caught:
        compile_regex(pattern)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "pattern", ["^(a+)+$", "(a|aa)+$", "(.*)*b", "^(([a-z])+.)+[A-Z]([a-z])+$", "(x+x+)+y"]
)
def test_no_text_makes_an_expression_slow(pattern: str) -> None:
    expression = compile_regex(pattern)
    begin = time.process_time()
    assert not expression.search("a" * 200_000 + "!")
    assert not expression.search("x" * 200_000)
    assert time.process_time() - begin < 5


def test_what_blows_up_when_compiled_is_refused_at_once() -> None:
    begin = time.process_time()
    with pytest.raises(RegexError):
        compile_regex("((a{100}){100}){100}")
    assert time.process_time() - begin < 5


def test_nothing_is_written_to_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RegexError):
        compile_regex("(never closed")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "text", ["", "abc_123", "a.c*", "(x)[y]{z}", "\\d", "^$|?+", "é😀", "a\nb\t\r\x00\x7f", "a b-c/d", '"\'#&~`@%,;:<=>!']
)  # fmt: skip
def test_an_escaped_text_matches_itself_only(text: str) -> None:
    expression = compile_regex(f"^(?:{escape(text)})$")
    assert expression.search(text)
    assert not expression.search(text + "x")
    assert not expression.search(text[1:] + "x")
