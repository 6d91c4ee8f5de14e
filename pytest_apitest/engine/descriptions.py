"""Descriptions that are read during the run, since the network is needed for them (language, section 3, openapi).

Rules kept here:
- one is read when the first request needs it, before that is sent, and once in a process, whatever came of it;
- headers, credentials and TLS settings of an endpoint go to its origin only, and redirects leave it nowhere;
- what goes wrong is an error of the case, at the place where the description is named: nothing passes because nobody
  looked.
"""

import threading
from typing import TYPE_CHECKING, Any

from pytest_apitest.engine.endpoints import Endpoint, origin_of
from pytest_apitest.exchange import Request, Response, Send
from pytest_apitest.language.model import DescriptionSource, Document, OpenApi
from pytest_apitest.outcome import NOT_RUN, SKIPPED, CaseOutcome
from pytest_apitest.references import NotSentError

if TYPE_CHECKING:
    from pytest_apitest.engine.sending import Sender
    from pytest_apitest.openapi.contract import Contract
    from pytest_apitest.openapi.coverage import Sheet


class Descriptions:
    """The descriptions that were read during the run of one process, and what it exercised of all."""

    def __init__(self) -> None:
        # What was exercised, by name and text of the description; None when nobody asks.
        self.sheets: dict[tuple[str, str], Sheet] | None = None
        self._lock = threading.Lock()
        self._contracts: dict[tuple[Any, ...], Any] = {}
        self._failures: dict[tuple[Any, ...], str] = {}

    def sheet(self, contract: "Contract") -> "Sheet":
        """Return where it is noted what of a description is exercised; the same for all who name it."""
        from pytest_apitest.openapi.coverage import Sheet  # noqa: PLC0415 - only when coverage is wanted

        assert self.sheets is not None
        key = contract.description.shown, contract.description.text
        if key not in self.sheets:
            self.sheets[key] = Sheet(contract)
        return self.sheets[key]

    def register(self, document: Document, outcome: CaseOutcome) -> None:
        """Note the descriptions of a document of which a case ran: one that no request goes to counts too."""
        if self.sheets is None or outcome.outcome in (SKIPPED, NOT_RUN):
            return
        for spec in document.endpoints.values():
            setting = spec.settings.openapi
            if setting is not None and setting.contract is not None:
                self.sheet(setting.contract)

    def contract(self, setting: OpenApi, endpoint: Endpoint, sender: "Sender") -> Any:
        """Return the contract that a setting of an endpoint means; None when exchanges are not checked.

        Args:
            setting: the setting.
            endpoint: the endpoint that a request goes to.
            sender: has what the settings of the endpoint refer to.

        Raises:
            NotSentError: the description cannot be read or used.

        """
        source = setting.source
        if source is None:
            return setting.contract
        at = source.at
        if isinstance(at, str) and at.startswith("/"):
            at = endpoint.base + at
        key = (at, source.refs, source.origins)
        # Another endpoint may be let in where this one is not.
        own = (*key, id(endpoint.spec))
        with self._lock:
            if key not in self._contracts and own not in self._failures:
                found = _read(source, at, endpoint, sender)
                if isinstance(found, str):
                    self._failures[own] = found
                else:
                    self._contracts[key] = found
            if key in self._contracts:
                return self._contracts[key]
        mark = setting.mark
        raise NotSentError(
            f"openapi: {self._failures[own]}", mark.place(endpoint.document.source), mark.width
        )


def _read(source: DescriptionSource, at: Any, endpoint: Endpoint, sender: "Sender") -> Any:
    """Return a contract, or the sentence that says why there is none."""
    from pytest_apitest.openapi.contract import Contract  # noqa: PLC0415 - only when one is named
    from pytest_apitest.openapi.description import DescriptionError  # noqa: PLC0415
    from pytest_apitest.openapi.fetching import Fetcher  # noqa: PLC0415
    from pytest_apitest.openapi.sources import read_source  # noqa: PLC0415

    own = origin_of(endpoint.base_url)

    def dressed(send: Send, request: Request) -> Response:
        if origin_of(request.url) != own:
            return send(request)
        return sender.send_as(endpoint, request, send)

    fetcher = Fetcher(dressed=dressed)
    try:
        return Contract(
            read_source(at, source.shown, refs=source.refs, ref_origins=source.origins, fetcher=fetcher)
        )
    except DescriptionError as error:
        place = f":{error.line}:{error.column}:" if error.line else ""
        return f"{source.shown}{place} cannot be used: {error.message}"
    finally:
        fetcher.close()
