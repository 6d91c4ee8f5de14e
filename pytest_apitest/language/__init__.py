"""The language of documents: declared once, read into a model, checked before anything is sent."""

from pytest_apitest.language.library import SUFFIXES, Library, is_document
from pytest_apitest.language.model import Case, Document, Step

__all__ = ["SUFFIXES", "Case", "Document", "Library", "Step", "is_document"]
