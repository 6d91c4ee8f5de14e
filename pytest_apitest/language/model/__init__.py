"""Documents as the engine sees them: read, checked and compiled, with the place of everything (language, 2-11).

Rules kept here:
- the model is data: it sends nothing and knows no pytest;
- everything that a failure can point at has a line and a column;
- what may hold references is a compiled `Value`; what may not is a plain Python value.
"""

from pytest_apitest.language.model.answers import (
    Expectation,
    Retry,
    Save,
    SaveSource,
)
from pytest_apitest.language.model.documents import (
    Case,
    Document,
    EndpointSpec,
    Named,
    RuleInfo,
    VariableSpec,
)
from pytest_apitest.language.model.requests import (
    Auth,
    Body,
    DescriptionSource,
    FilePart,
    Mark,
    OpenApi,
    OperationUse,
    Part,
    Parts,
    PathTemplate,
    RequestSpec,
    Settings,
)
from pytest_apitest.language.model.steps import (
    CHECK,
    CLEANUP,
    REQUEST,
    ROWS,
    SAVE,
    WHEN,
    Condition,
    FragmentUse,
    Rows,
    Step,
    Usage,
)

__all__ = [
    "CHECK",
    "CLEANUP",
    "REQUEST",
    "ROWS",
    "SAVE",
    "WHEN",
    "Auth",
    "Body",
    "Case",
    "Condition",
    "DescriptionSource",
    "Document",
    "EndpointSpec",
    "Expectation",
    "FilePart",
    "FragmentUse",
    "Mark",
    "Named",
    "OpenApi",
    "OperationUse",
    "Part",
    "Parts",
    "PathTemplate",
    "RequestSpec",
    "Retry",
    "Rows",
    "RuleInfo",
    "Save",
    "SaveSource",
    "Settings",
    "Step",
    "Usage",
    "VariableSpec",
]
