"""Says everything that is wrong with an OpenAPI description, at once and with the place of each mistake.

The way of a description, and of the modules: `description` reads it, `walk` goes through it by the declarations of
`objects`, `references`, `operations`, `parts`, `schema_rules` and `examples` check what declarations cannot say, `adr`
holds the rules of the Dutch government, `inspection` puts it together in the words of `findings`,
`reporting` writes it down.
"""

from pytest_apitest.openapi.inspector.findings import Finding, Inspection
from pytest_apitest.openapi.inspector.inspection import inspect
from pytest_apitest.openapi.reading import DescriptionError

__all__ = ["DescriptionError", "Finding", "Inspection", "inspect"]
