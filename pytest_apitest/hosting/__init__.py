"""Hosts the application under test on a loopback port of this process.

Rules kept here:
- importing this package imports no web framework; aiohttp comes with the first `Host.serve`.
"""

from pytest_apitest.hosting.host import Host, Served
from pytest_apitest.hosting.loading import AppError, Kind, kind_of, load_app

__all__ = ["AppError", "Host", "Kind", "Served", "kind_of", "load_app"]
