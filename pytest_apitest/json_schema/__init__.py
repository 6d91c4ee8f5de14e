"""The `schema` operator: JSON Schema 2020-12, checked completely before a run, evaluated without recursion.

The way of a schema, and of the modules: `index` finds the schemas of a document, `linking` turns their keywords
into the checks of `assertions` and the parts of `applicators`, `evaluation` runs these, `compilation` is the door.

The metaschema is evaluated here as well. The library jsonschema is not used for evaluation: it takes time
exponential in the depth of the data where `unevaluatedProperties` meets a self-reference, and the stack ends
before 256 levels do. Its metaschemas are used, and the tests compare with it.
"""

from pytest_apitest.json_schema.compilation import Compiled, Violation, compile_schema
from pytest_apitest.json_schema.nodes import SchemaError

__all__ = ["Compiled", "SchemaError", "Violation", "compile_schema"]
