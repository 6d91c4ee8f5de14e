"""The engine: runs cases of documents over a transport; knows no pytest."""

from pytest_apitest.engine.case import DocumentState, Engine
from pytest_apitest.engine.variables import Options

__all__ = ["DocumentState", "Engine", "Options"]
