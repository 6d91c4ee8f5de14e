"""What messages are made of: values cut at 60 characters, paths into the value, pointers into the schema."""

from typing import Any

from pytest_apitest.jsonpath import Location, normalized
from pytest_apitest.jsonvalue import show, show_typed

SHOWN = 60


def brief(value: Any) -> str:
    """Return a value as JSON on one line, cut; a large one is not read further than needed."""
    return show(value, SHOWN)


def typed(value: Any) -> str:
    """Return a value with its type, cut."""
    return show_typed(value, SHOWN)


def cut(text: str) -> str:
    """Return a text as it is, cut."""
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


def listed(values: list[Any]) -> str:
    """Return values with commas between them; as many as are short enough together."""
    text = ""
    for value in values:
        shown = brief(value)
        if text and len(text) + len(shown) > SHOWN:
            return f"{text}, …"
        text = f"{text}, {shown}" if text else shown
    return text


def count(number: Any, noun: str) -> str:
    """Return a number of things in words."""
    return f"{brief(number)} {noun}" if number == 1 else f"{brief(number)} {noun}s"


def path_of(place: Location) -> str:
    """Return a place in the value as a JSONPath on one line."""
    short = [key if isinstance(key, int) else cut(key) for key in place]
    # As in `show`: a line break in a name must not break the line of the message.
    return "".join(
        character if character.isprintable() else f"\\u{ord(character):04x}"
        for character in normalized(short)
    )


def pointer(place: Location) -> str:
    """Return a place in the schema as a JSON pointer (RFC 6901)."""
    return "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in place)
