"""Finding operations by operationId, and by method and path."""

import pytest

from pytest_apitest.openapi.operations import UnusableError
from tests.unit.openapi.described import contract

PATHS = """
/a:
  get: {operationId: readA}
  post: {operationId: twice}
/a/{id}:
  delete: {operationId: removeA}
/b:
  get: {operationId: twice}
  put: no operation
  query: {operationId: askB}
  additionalOperations: {COPY: {operationId: copyB}, move: {}}
/c: {$ref: "#/components/pathItems/none"}
"""


def found(operation_id: str, version: str = "3.1.0") -> tuple[str, str] | None:
    operation = contract(PATHS, version).operations.named(operation_id)
    return None if operation is None else (operation.method, operation.template)


@pytest.mark.parametrize(
    ("operation_id", "expected"),
    [
        ("readA", ("GET", "/a")),
        ("removeA", ("DELETE", "/a/{id}")),
        ("twice", ("POST", "/a")),
        ("nothing", None),
        ("", None),
        ("reada", None),
    ],
)
def test_by_operation_id(operation_id: str, expected: tuple[str, str] | None) -> None:
    assert found(operation_id) == expected


def test_methods_of_a_later_version_count_from_then_on() -> None:
    assert [found(name, "3.2.0") for name in ("askB", "copyB")] == [("QUERY", "/b"), ("COPY", "/b")]
    assert [found(name) for name in ("askB", "copyB")] == [None, None]


def test_by_method_and_path() -> None:
    operations = contract(PATHS, servers=[{"url": "/v1"}]).operations
    for path, base in (("/a/7", ""), ("/v1/a/7", ""), ("/x/a/7", "/x")):
        operation = operations.at("DELETE", path, base)
        assert operation is not None
        assert operation.value == {"operationId": "removeA"}
    assert operations.at("GET", "/a/7") is None
    assert operations.at("GET", "/nowhere") is None
    with pytest.raises(UnusableError, match="an operation is an object"):
        operations.at("PUT", "/b")
