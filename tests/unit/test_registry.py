"""Tables of names: order, names that exist, near names."""

import pytest

from pytest_apitest.errors import did_you_mean, near
from pytest_apitest.registry import Table


def fruit(*names: str) -> Table[int]:
    table: Table[int] = Table("fruit")
    for number, name in enumerate(names):
        table.add(name, number)
    return table


def test_entries_in_the_order_they_were_added() -> None:
    table = fruit("pear", "apple")
    assert (list(table), len(table), table["apple"], table.get("pear"), table.get("plum")) == (
        ["pear", "apple"], 2, 1, 0, None,
    )  # fmt: skip
    assert "pear" in table
    assert "plum" not in table
    assert 7 not in table
    with pytest.raises(KeyError):
        table["plum"]


def test_a_name_that_exists_is_refused_and_stays() -> None:
    table = fruit("pear")
    with pytest.raises(ValueError, match=r"^fruit 'pear' exists already; choose another name$"):
        table.add("pear", 9)
    assert table["pear"] == 0


def test_a_copy_goes_its_own_way() -> None:
    table = fruit("pear")
    other = table.copy()
    other.add("plum", 1)
    table.add("fig", 2)
    assert (list(table), list(other)) == (["pear", "fig"], ["pear", "plum"])
    assert other.unknown("x") == 'unknown fruit "x"; known: pear, plum'


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("peer", 'unknown fruit "peer"; did you mean "pear"?'),
        ("PEAR", 'unknown fruit "PEAR"; did you mean "pear"?'),
        ("appel", 'unknown fruit "appel"; did you mean "apple"?'),
        ("star-fruit", 'unknown fruit "star-fruit"; did you mean "star_fruit"?'),
        ("zzz", 'unknown fruit "zzz"; known: pear, apple, star_fruit'),
        ("", 'unknown fruit ""; known: pear, apple, star_fruit'),
    ],
)
def test_an_unknown_name(name: str, said: str) -> None:
    assert fruit("pear", "apple", "star_fruit").unknown(name) == said


def test_what_nothing_is_near_to() -> None:
    assert near("pear", []) is None
    assert did_you_mean("pear", ["orange"]) == ""
    assert near("p" * 81, ["p" * 80]) is None
    many = [f"name{number}" for number in range(2_000)]
    assert near("name1x", many) is None  # too many to compare
    assert near("NAME7", many) == "name7"
