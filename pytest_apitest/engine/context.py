"""What the steps of one document share within one run of a case, and how their failures find their places."""

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING

from pytest_apitest.data import record
from pytest_apitest.engine.endpoints import Endpoint
from pytest_apitest.engine.jars import Jar
from pytest_apitest.engine.records import RawStep
from pytest_apitest.engine.scope import RunScope
from pytest_apitest.engine.sending import Sender, Sent
from pytest_apitest.language.model import Document, Mark, Step
from pytest_apitest.outcome import PASSED, Failure, StepOutcome
from pytest_apitest.references import RenderError

if TYPE_CHECKING:
    from pytest_apitest.engine.case import Engine


@record
class Armed:
    """A clean-up that waits for the end of its scope.

    Args:
        step: the clean-up.
        context: where it runs, with the values of the moment it was armed.
        creator: name of the step that armed it.

    """

    step: Step
    context: "Context"
    creator: str


@record
class Trail:
    """What a case leaves behind while it runs; shared by the case and the fragments in it.

    Args:
        raw: the steps so far.
        armed: clean-ups, last armed last.
        finals: what runs the `teardown` of each fragment, and tells whether it passed.
        latest: the moment after which nothing may go on.

    """

    raw: list[RawStep] = field(default_factory=list)
    armed: list[Armed] = field(default_factory=list)
    finals: list[Callable[[], bool]] = field(default_factory=list)
    latest: float = float("inf")


class Context:
    """What steps run with.

    Args:
        engine: the process's state.
        document: the document that the steps stand in.
        endpoints: endpoints with an address, by name.
        scope: the names.
        jar: the cookies.
        trail: what the case leaves behind.
        prefix: what names of steps begin with, for steps of a fragment.
        used: the lines that use the fragment, innermost first; empty outside of fragments.

    """

    def __init__(
        self,
        engine: "Engine",
        document: Document,
        endpoints: Mapping[str, Endpoint],
        scope: RunScope,
        jar: Jar,
        trail: Trail,
        prefix: str = "",
        used: str = "",
    ) -> None:
        self.engine = engine
        self.document = document
        self.endpoints = endpoints
        self.scope = scope
        self.jar = jar
        self.trail = trail
        self.prefix = prefix
        self.used = used

    def of_this_moment(self) -> "Context":
        """Return the same with the values of now, whatever the names become later."""
        return Context(
            self.engine,
            self.document,
            self.endpoints,
            self.scope.copy(),
            self.jar,
            self.trail,
            self.prefix,
            self.used,
        )

    def send(self, step: Step, latest: float, *, anyway: bool = False) -> Sent:
        """Send the request of a step once; raises `RenderError` when it cannot be made.

        Args:
            step: the step.
            latest: the moment after which nothing may go on.
            anyway: whether it is sent although the description that it is to follow cannot be read.

        """
        assert step.request is not None
        sender = self.sender()
        try:
            return sender.send(
                sender.draft(self.document.requests, step.request), step.settings, latest, anyway=anyway
            )
        except UnicodeEncodeError:  # JSON may hold half a character, which no encoding can say
            raise RenderError("half a character (a lone surrogate) cannot be sent") from None

    def sender(self) -> Sender:
        """Return what sends the requests of this run."""
        engine = self.engine
        return Sender(
            self.document,
            self.endpoints,
            self.scope,
            engine.send,
            self.jar,
            engine.extensions,
            engine.descriptions,
        )

    # -- outcomes and failures, with their places ---------------------------------------------------------

    def outcome(self, step: Step, phase: str, row: str = "") -> StepOutcome:
        """Return the outcome of a step, passed until something else is known."""
        return StepOutcome(
            self.prefix + step.name, PASSED, self.document.source.shown, step.mark.line, row=row, phase=phase
        )

    def failure(self, mark: Mark, path: str, message: str, kind: str = "request") -> Failure:
        """Return a failure at a place of the document."""
        shown = self.document.source.shown
        return Failure(path, message, "", "", shown, mark.line, mark.column, mark.width, kind)

    def step_failure(self, step: Step, path: str, message: str) -> Failure:
        """Return a failure of a step as a whole."""
        return self.failure(Mark(step.mark.line, step.mark.column), path, message)

    def render_failure(self, step: Step, error: RenderError, path: str = "request") -> Failure:
        """Return the failure of a step whose request could not be made."""
        place = error.place
        if place is not None:
            where = {"file": place.path, "line": place.line, "column": place.column, "width": error.width}
            return Failure(path, error.message, kind="request", **where)  # type: ignore[arg-type]
        return self.failure(step.request.mark if step.request is not None else step.mark, path, error.message)

    def unanswered(self, step: Step, sent: Sent) -> Failure:
        """Return the failure of a step whose request got no answer."""
        assert step.request is not None
        assert sent.error is not None
        message = sent.error.message
        followed = len(sent.hops) - 1
        if followed:
            message += f", after {followed} redirect{'s' * (followed != 1)}"
        if sent.endpoint is not None:
            message += f" ({sent.endpoint.spec.name}, from {sent.endpoint.origin.removeprefix('env ')})"
        return self.failure(step.request.url_mark, "request", message)
