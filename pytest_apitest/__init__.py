"""A pytest plugin and YAML test-scenario language for HTTP APIs.

The way of the data, and of the modules::

    YAML text -> source (nodes with places) -> language (model, static check) -> collection (pytest items)
      -> engine (render, send, capture, check) -> exchange -> outcome -> screen, reports, shield
"""

__version__ = "0.1.0"
