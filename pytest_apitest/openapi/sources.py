"""Descriptions from files, URLs and bytes, with the files that they refer to as far as these are allowed."""

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_apitest.openapi.description import Description, read_description
from pytest_apitest.openapi.reading import DescriptionError, shown_url

if TYPE_CHECKING:
    from pytest_apitest.openapi.addresses import Reach
    from pytest_apitest.openapi.fetching import Fetcher
    from pytest_apitest.transport import Resolver


def read_source(
    source: Path | str | bytes,
    shown: str | None = None,
    *,
    refs: bool = False,
    ref_origins: Collection[str] = (),
    reach: "Reach | None" = None,
    seconds: float = 30.0,
    resolver: "Resolver | None" = None,
    fetcher: "Fetcher | None" = None,
) -> Description:
    """Return a description; nothing of the network is loaded for one that needs none.

    Args:
        source: a file, its path or URL, or its bytes.
        shown: its name in messages; by default the path, or the URL without its query.
        refs: whether references may lead to files below its folder or, for a URL, to what is of its origin.
        ref_origins: further origins that they may lead to, such as `https://schemas.example`.
        reach: what may be read over the network.
        seconds: time for all that is read together.
        resolver: given a host name and a port, returns the addresses to use, or None to ask the system.
        fetcher: what reads URLs, instead of one of its own; it is the caller's to close, and redirects of what it
            reads stay in their origin.

    Raises:
        DescriptionError: it cannot be read.
        ValueError: an origin is none.

    """
    is_path = isinstance(source, Path) or (isinstance(source, str) and "://" not in source)
    if is_path and isinstance(source, str) and reach is not None and reach.guarded:
        # Where strangers say what is inspected, a text of theirs names no file of this machine.
        raise DescriptionError("not a URL: it begins with http:// or https:// and a host")
    if not (refs or ref_origins) and not isinstance(source, str | Path):
        return read_description(source, shown if shown is not None else "description")
    if not (refs or ref_origins) and is_path:
        file = Path(str(source))
        return read_description(file, shown if shown is not None else str(file))
    from pytest_apitest.openapi.fetching import Fetcher, origin_named  # noqa: PLC0415 - loads the transport

    origins = tuple(map(origin_named, ref_origins))
    used = fetcher or Fetcher(reach, seconds=seconds, resolver=resolver)
    try:
        return _read(source, shown, used, origins, refs=refs, stays=fetcher is not None)
    finally:
        if fetcher is None:
            used.close()


def _read(
    source: Path | str | bytes,
    shown: str | None,
    fetcher: "Fetcher",
    origins: tuple[str, ...],
    *,
    refs: bool,
    stays: bool,
) -> Description:
    from pytest_apitest.openapi.fetching import FetchError, origin_of  # noqa: PLC0415
    from pytest_apitest.openapi.linked import Allowed, link  # noqa: PLC0415 - only where references are allowed

    own: Path | str | None = None
    public = False
    if isinstance(source, str) and "://" in source:
        shown = shown if shown is not None else shown_url(source)
        try:
            found = fetcher.read(source, origins={origin_of(source)} if stays else None)
        except FetchError as error:
            raise DescriptionError(str(error)) from None
        own, public = found.url, found.public
        description = read_description(found.content, shown)
    elif isinstance(source, bytes):
        description = read_description(source, shown if shown is not None else "description")
    else:
        own = Path(source)
        description = read_description(own, shown if shown is not None else str(own))
    if refs or origins:
        link(description, own, Allowed(refs, origins), fetcher, public=public)
    return description
