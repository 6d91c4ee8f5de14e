"""Running steps: lists, conditions, rows, fragments (language, sections 4, 8 and 9).

Rules kept here:
- the first step that is neither passed nor skipped ends its list; the rest are listed as not run;
- steps of an end (`teardown`, `after_each`) run each on its own;
- a fragment sees only its inputs; its requests, cookies and clean-ups are those of the case that uses it.
"""

import time
from collections.abc import Iterable

from pytest_apitest.checks.evaluation import Look, Missing, evaluate
from pytest_apitest.engine.context import Context
from pytest_apitest.engine.records import RawStep
from pytest_apitest.engine.rows import render_rows
from pytest_apitest.engine.scope import Entry, Unset
from pytest_apitest.engine.tries import run_tries
from pytest_apitest.language.model import Condition, Step
from pytest_apitest.outcome import ERROR, FAILED, NOT_RUN, PASSED, SKIPPED, Failure, StepOutcome
from pytest_apitest.references import RenderError, UnsetError


class StepRunner(Context):
    """Runs the steps of one document within one run of a case."""

    # -- lists ------------------------------------------------------------------------------------------

    def run_list(self, steps: Iterable[Step], phase: str) -> bool:
        """Run steps until one does not pass; return whether all did."""
        stopped = ""
        for step in steps:
            if stopped:
                self.not_run(step, phase, stopped)
                continue
            before = len(self.trail.raw)
            if not self.run(step, phase):
                ended = self._first_ended(before)
                stopped = f'after "{ended.name}" {"was an error" if ended.outcome == ERROR else "failed"}'
                if ended.outcome == NOT_RUN:
                    stopped = ended.reason
        return not stopped

    def _first_ended(self, before: int) -> StepOutcome:
        ended = [
            raw.outcome for raw in self.trail.raw[before:] if raw.outcome.outcome in (FAILED, ERROR, NOT_RUN)
        ]
        return ended[0] if ended else self.trail.raw[-1].outcome

    def run_each(self, steps: Iterable[Step], phase: str) -> bool:
        """Run every step on its own, whatever became of the others; return whether all passed."""
        results = [self.run(step, phase, final=True) for step in steps]
        return all(results)

    def not_run(self, step: Step, phase: str, reason: str, row: str = "") -> None:
        """Record a step that does not run, and why."""
        outcome = self.outcome(step, phase, row)
        outcome.outcome = NOT_RUN
        outcome.reason = reason
        self.trail.raw.append(RawStep(outcome))

    # -- one step ---------------------------------------------------------------------------------------

    def run(self, step: Step, phase: str, *, final: bool = False) -> bool:
        """Run one step, for each of its rows; return whether the list may go on.

        Args:
            step: the step.
            phase: the list that it stands in.
            final: whether a missing save makes it not run, which is no failure.

        """
        self.scope.touched = {}
        try:
            if step.when is not None and not self.holds(step.when):
                self._skip(step, phase, "when is false")
                return True
            if step.for_each is None:
                return self._one(step, phase, "", final=final)
            rows = render_rows(step.for_each, self.scope)
        except RenderError as error:
            return self.broken(step, phase, error, final=final)
        if not rows:
            message = "for_each has no rows; guard it with when"
            self.ended(step, phase, FAILED, self.step_failure(step, "for_each", message))
            return False
        fine = True
        for label, row in rows:
            # A name has one owner, so a row hides nothing; what its step saves stays behind.
            self.scope.entries.update(row)
            fine = self._one(step, phase, label, final=final) and fine
            for name in row:
                del self.scope.entries[name]
        return fine

    def _skip(self, step: Step, phase: str, reason: str, row: str = "") -> None:
        outcome = self.outcome(step, phase, row)
        outcome.outcome = SKIPPED
        outcome.reason = reason
        self.trail.raw.append(RawStep(outcome))
        names = [save.name for save in step.save] + [
            name for name, _, _ in (step.use.save if step.use else ())
        ]
        for name in names:
            if not isinstance(self.scope.entries.get(name), Entry):
                self.scope.entries[name] = Unset(
                    f'"{step.name}" was skipped, so {name} has no value', SKIPPED
                )

    def broken(
        self, step: Step, phase: str, error: RenderError, row: str = "", *, final: bool = False
    ) -> bool:
        """Record a step that could not be rendered; return whether the list may go on."""
        if isinstance(error, UnsetError):
            if error.outcome == SKIPPED:
                self._skip(step, phase, error.message, row)
                return True
            missing_save = (
                isinstance(entry := self.scope.entries.get(error.name), Unset) and entry.kind == "save"
            )
            if error.outcome == NOT_RUN or (final and (missing_save or entry is None)):
                self.not_run(step, phase, error.message, row)
                return final
        self.ended(step, phase, error.outcome, self.render_failure(step, error), row)
        return False

    def ended(self, step: Step, phase: str, word: str, failure: Failure, row: str = "") -> None:
        """Record a step that ended with one failure."""
        outcome = self.outcome(step, phase, row)
        outcome.outcome = word
        outcome.failures = [failure]
        self.trail.raw.append(RawStep(outcome, None, dict(self.scope.touched), used=self.used))

    def _one(self, step: Step, phase: str, row: str, *, final: bool) -> bool:
        if step.use is not None:
            return self._use(step, phase, row, final=final)
        self.scope.touched = {}
        started = time.monotonic()
        outcome = self.outcome(step, phase, row)
        raw = RawStep(outcome, used=self.used)
        self.trail.raw.append(raw)
        try:
            last = run_tries(self, step, outcome)
        except RenderError as error:
            self.trail.raw.pop()
            return self.broken(step, phase, error, row, final=final)
        except BaseException as error:
            outcome.outcome = ERROR
            outcome.failures = [self.step_failure(step, "request", interruption(error))]
            outcome.duration = time.monotonic() - started
            raise
        outcome.duration = time.monotonic() - started
        outcome.outcome = last.outcome
        outcome.failures, outcome.warnings, outcome.notes = last.failures, last.warnings, last.notes
        outcome.checks = last.checks
        raw.sent = last.sent
        raw.touched = dict(self.scope.touched)
        return outcome.outcome == PASSED

    def _use(self, step: Step, phase: str, row: str, *, final: bool) -> bool:
        """Run the fragment of a step; see `fragments`."""
        raise NotImplementedError

    # -- conditions -----------------------------------------------------------------------------------

    def holds(self, condition: Condition) -> bool:
        """Tell whether a condition holds; a name without a value is missing."""
        look = Look(self.scope)
        for name, check in condition.checks:
            entry = self.scope.entry(name)
            actual = Missing() if entry is None else entry.value
            if evaluate(check, actual, look):
                return False
        return True


def interruption(error: BaseException) -> str:
    """Return what is said of a step that was interrupted from outside."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted by Ctrl-C"
    first = (str(error).splitlines() or [""])[0]
    return f"interrupted: {type(error).__name__}{f': {first}' if first else ''}"
