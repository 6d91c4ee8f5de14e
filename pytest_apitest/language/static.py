"""The static check of names: where they are known, and in which order (language, sections 3 and 8).

Rules kept here:
- a name has one owner in a document; a local variable may replace a variable, a save may replace a save or
  a variable, nothing else may replace anything;
- a reference is checked against what is known when its part of the step is evaluated: names saved later are
  told apart from names that nobody knows;
- values of variables, rows of `parametrize` and addresses of endpoints are computed before any step, so they
  know no saves;
- broken steps still tell which names they save, so that one mistake does not make ten.
"""

from collections.abc import Iterable, Mapping

from pytest_apitest.errors import near
from pytest_apitest.language.model import (
    CHECK,
    REQUEST,
    SAVE,
    WHEN,
    Case,
    Document,
    Mark,
    Rows,
    Step,
    Usage,
    VariableSpec,
)
from pytest_apitest.language.names import (
    Names,
    Owner,
    address_usages,
    borrowed_names,
    cycle,
    leads_nowhere,
    named_endpoint,
    written_rows,
    written_value,
)
from pytest_apitest.language.reader import Reader

RESERVED = ("exposed", "request")
_BEFORE_STEPS = "a condition of the document is read before any step"


def check_names(reader: Reader, document: Document) -> None:
    """Record every problem with names in a document."""
    _Checker(reader, document).check()


class _Checker:
    def __init__(self, reader: Reader, document: Document) -> None:
        self.reader = reader
        self.document = document
        # Names that some step saves, with the step: to tell "later" from "never".
        self.saved: dict[str, Mark] = {}
        # References that were found to be undefined: what is used in several places is reported once.
        self.undefined: set[Mark] = set()

    def check(self) -> None:
        document = self.document
        for step in document.all_steps():
            for name, mark in _saves(step):
                self.saved.setdefault(name, mark)
        names = self._declared()
        self._variables(document.variables, names)
        self._variables(document.inputs, {})
        self._endpoints(names)
        self._described()
        self._cycles(document.variables)
        if document.single:
            self._single(names)
        else:
            self._cases(names)
        self._declared_elsewhere(names)

    # -- declarations -----------------------------------------------------------------------------------

    def _declared(self) -> Names:
        names: Names = {}
        document = self.document
        for endpoint in document.endpoints.values():
            self._own(names, endpoint.name, Owner("an endpoint", endpoint.mark, "endpoint"))
        for spec in document.variables.values():
            values = written_value(spec, overridden=self.reader.around.overridden(spec.name))
            self._own(names, spec.name, Owner("a variable", spec.mark, "variable", values))
        for spec in document.inputs.values():
            self._own(names, spec.name, Owner("an input", spec.mark, "input"))
        for name, mark in document.fixtures:
            self._own(names, name, Owner("a fixture", mark, "fixture"))
        return names

    def _own(self, names: Names, name: str, owner: Owner) -> None:
        earlier = names.get(name)
        if self._reserved(name, owner) or earlier is None:
            names[name] = owner
        else:
            self._conflict(name, earlier, owner)

    def _reserved(self, name: str, owner: Owner) -> bool:
        if name in RESERVED:
            self._error(owner.mark, f'"{name}" is reserved; choose another name')
        return name in RESERVED

    def _conflict(self, name: str, earlier: Owner, owner: Owner) -> None:
        first = f"{earlier.what} (line {earlier.mark.line})"
        self._error(owner.mark, f'"{name}" is {first} and {owner.what} (line {owner.mark.line})')

    def _error(self, mark: Mark, message: str) -> None:
        self.reader.error_at(mark.line, mark.column, message, mark.width)

    def _variables(self, specs: Mapping[str, VariableSpec], names: Names) -> None:
        known = names | {name: Owner("", spec.mark, "variable") for name, spec in specs.items()}
        for spec in specs.values():
            self._known(spec.usages, known, early="a variable is computed before any step")

    def _described(self) -> None:
        """Refuse the wish for a check against a description where no endpoint has one."""
        if self.document.kind == "fragment":
            return  # its requests go to endpoints of those who use it
        if any(spec.settings.openapi is not None for spec in self.document.endpoints.values()):
            return
        if not self.reader.endpoints_known:
            return  # what is broken may have been to name the description
        marks = {
            step.expect.mark for step in self.document.all_steps() if step.expect and step.expect.openapi
        }
        for mark in sorted(marks) if self.reader.names_known else ():
            self._error(
                mark, "openapi is expected, but no endpoint of this document has an openapi description"
            )

    def _cycles(self, variables: Mapping[str, VariableSpec]) -> None:
        endpoints = self.document.endpoints
        uses = {name: list(spec.usages) for name, spec in variables.items()}
        uses |= {name: address_usages(spec) for name, spec in endpoints.items() if name not in uses}
        graph = {
            name: [usage.name for usage in usages if usage.name in uses] for name, usages in uses.items()
        }
        chain = cycle(graph)
        if not chain:
            return
        kinds = [
            word
            for word, table in (("variables", variables), ("endpoints", endpoints))
            if {*chain} & {*table}
        ]
        mark = variables[chain[0]].mark if chain[0] in variables else endpoints[chain[0]].mark
        self._error(mark, f"{' and '.join(kinds)} refer to each other: {' -> '.join(chain)}")

    def _endpoints(self, names: Names) -> None:
        saved = {name: Owner("", mark, "save") for name, mark in self.saved.items()}
        for spec in self.document.endpoints.values():
            address = address_usages(spec)
            self._known(address, names, early="the address of an endpoint is made before any step")
            self._known([usage for usage in spec.usages if usage not in address], names | saved)

    def _declared_elsewhere(self, names: Names) -> None:
        """Look at what is declared by name: everything it refers to must be known somewhere."""
        document = self.document
        known = {name: Owner(owner.what, owner.mark, owner.kind) for name, owner in names.items()}
        for name, mark in self.saved.items():
            known.setdefault(name, Owner("", mark, "save"))
        for case in document.cases:
            for name, spec in case.variables.items():
                known.setdefault(name, Owner("", spec.mark, "local"))
        everywhere = [rows for case in document.cases for rows in (case.parametrize, case.for_each)]
        everywhere += [step.for_each for step in document.all_steps()]
        for rows in everywhere:
            for name in rows.names if rows is not None else ():
                known.setdefault(
                    name, Owner("", rows.mark_of(name) if rows is not None else document.mark, "row")
                )
        for table in (document.credentials, document.requests, document.expectations):
            for named in table.values():
                self._known(named.usages, known)

    # -- the flow of a document -------------------------------------------------------------------------

    def _single(self, names: Names) -> None:
        """Look at a document of steps, whose setup and teardown are parts of its one run."""
        document = self.document
        case = document.cases[0]
        known = self._rows_of_case(names, case, early="rows are computed before any step")
        self._known(document.usages, known.outside, early=_BEFORE_STEPS)
        self._steps(document.setup, known.inside, "save")
        self._steps(case.steps, known.inside, "save")
        self._outputs(known.inside)
        self._steps(document.teardown, dict(known.inside), "save")

    def _outputs(self, known: Names) -> None:
        for _, value in self.document.outputs:
            for reference in value.references():
                if reference.function is None:
                    mark = Mark(reference.line, reference.column, reference.width)
                    self._known([Usage(reference.name, CHECK, mark, reference)], known)

    def _cases(self, names: Names) -> None:
        document = self.document
        shared = dict(names)
        self._steps(document.setup, shared, "setup")
        self._known(document.usages, shared, early=_BEFORE_STEPS)
        prepared = dict(shared)
        for step in document.before_each:
            for name, mark in _saves(step):
                prepared.setdefault(name, Owner("saved", mark, "save"))
        self._needs(document.needs, prepared)
        everything = dict(prepared)
        for case in document.cases:
            for name, owner in self._case(case, shared).items():
                everything.setdefault(name, owner)
        self._steps(document.after_each, everything, "save")
        self._steps(document.teardown, dict(shared), "save")

    def _case(self, case: Case, shared: Names) -> Names:
        """Look at a case and return the names that are known at its end."""
        rows = self._rows_of_case(shared, case)
        known = rows.inside
        for spec in case.variables.values():
            earlier = known.get(spec.name)
            owner = Owner("a local variable", spec.mark, "local", written_value(spec, overridden=False))
            if earlier is not None and earlier.kind != "variable":
                self._conflict(spec.name, earlier, owner)
            known[spec.name] = owner
        early = {name: owner for name, owner in known.items() if owner.kind not in ("save", "setup")}
        self._variables(case.variables, early)
        if case.variables:
            self._cycles({**self.document.variables, **case.variables})
        # A condition is read once, before the rows of `for_each` and what is computed for each of them.
        conditions = [usage for usage in case.usages if usage.phase == WHEN]
        if case.for_each is None:
            self._known(conditions, known)
        else:
            self._known(conditions, rows.outside, late=known)
        self._steps(self.document.before_each, known, "save")
        if case.rule is not None:
            self._needs(case.rule.needs, known)
        self._steps(case.steps, known, "save")
        return known

    def _rows_of_case(self, names: Names, case: Case, early: str = "") -> "_KnownWithRows":
        """Look at the rows of a case; return what is known before and with the rows of `for_each`."""
        outside = dict(names)
        if case.parametrize is not None:
            self._known(case.parametrize.usages, names, early=early)
            self._rows(outside, case.parametrize)
        inside = dict(outside)
        if case.for_each is not None:
            self._known(case.for_each.usages, outside, early=early)
            self._rows(inside, case.for_each)
        return _KnownWithRows(outside, inside)

    def _rows(self, known: Names, rows: Rows) -> None:
        for name in rows.names:
            owner = Owner("a row key", rows.mark_of(name), "row", written_rows(rows, name))
            earlier = known.get(name)
            if not self._reserved(name, owner) and earlier is not None:
                self._conflict(name, earlier, owner)
            known[name] = owner

    def _needs(self, needs: Iterable[tuple[str, Mark]], names: Names) -> None:
        for name, mark in needs:
            if name not in names:
                self._undefined(name, mark, names)

    # -- steps ------------------------------------------------------------------------------------------

    def _steps(self, steps: Iterable[Step], known: Names, kind: str) -> None:
        """Look at steps in order; `known` grows by what they save."""
        numbers: dict[str, int] = {}
        for number, step in enumerate(steps, start=1):
            for name, _ in _saves(step):
                numbers.setdefault(name, number)
        for step in steps:
            self._step(step, known, kind, numbers)

    def _step(self, step: Step, known: Names, kind: str, numbers: Mapping[str, int]) -> None:
        by_part: tuple[list[Usage], list[Usage], list[Usage]] = ([], [], [])
        for usage in step.usages:
            by_part[(usage.phase >= REQUEST) + (usage.phase > SAVE)].append(usage)
        self._known(by_part[0], known, numbers=numbers)
        inside = dict(known)
        if step.for_each is not None:
            self._rows(inside, step.for_each)
        self._known(by_part[1], inside, numbers=numbers)
        self._borrowed(step, inside, numbers)
        what = "saved by setup" if kind == "setup" else "saved"
        for name, mark in _saves(step):
            self._save(name, Owner(what, mark, kind), inside)
            inside[name] = known[name] = Owner(what, mark, kind)
        self._known(by_part[2], inside, numbers=numbers)
        if step.cleanup is not None:
            self._borrowed(step.cleanup, inside, numbers)

    def _save(self, name: str, owner: Owner, known: Names) -> None:
        earlier = known.get(name)
        if self._reserved(name, owner) or earlier is None:
            return
        if earlier.kind == "setup" and owner.kind != "setup":
            self._error(owner.mark, f"{name} is saved by setup; choose another name")
        elif earlier.kind not in ("save", "setup", "variable", "local"):
            self._conflict(name, earlier, owner)

    def _borrowed(self, step: Step, known: Names, numbers: Mapping[str, int]) -> None:
        """Look at what the settings of its endpoint need: they may use saves, which must be there by now."""
        endpoint = named_endpoint(self.document, step)
        if endpoint is None or step.request is None:
            return
        for name in dict.fromkeys(borrowed_names(self.document, endpoint, step.settings)):
            if name not in known and name in self.saved:
                when = self._when_saved(name, numbers)
                hint = "; write auth: none if this step goes without" if step.settings.auth is None else ""
                mark = step.request.mark
                self._error(mark, f'{endpoint.name} needs "{name}", which is {when}{hint}')

    # -- references -------------------------------------------------------------------------------------

    def _known(
        self,
        usages: Iterable[Usage],
        known: Names,
        *,
        early: str = "",
        numbers: Mapping[str, int] | None = None,
        late: Names | None = None,
    ) -> None:
        for usage in usages:
            owner = known.get(usage.name)
            if owner is None and late is not None and usage.name in late:
                what = f"{late[usage.name].what} (line {late[usage.name].mark.line})"
                message = f'"{usage.name}" is {what}; a condition is read once, before the rows'
                self._error(usage.mark, message)
            elif owner is None:
                self._undefined(usage.name, usage.mark, known, early=early, numbers=numbers)
            elif owner.values and usage.reference is not None and usage.reference.path:
                self._path(usage, owner)

    def _undefined(
        self,
        name: str,
        mark: Mark,
        known: Names,
        *,
        early: str = "",
        numbers: Mapping[str, int] | None = None,
    ) -> None:
        if mark in self.undefined:
            return
        self.undefined.add(mark)
        if name in self.saved:
            if early:
                message = f'"{name}" is saved by a step (line {self.saved[name].line}); {early}'
            else:
                message = f'"{name}" is {self._when_saved(name, numbers or {})}'
            self._error(mark, message)
            return
        nearest = None
        if not self.reader.many_problems:
            nearest = near(name, {**known, **dict.fromkeys(self.saved)})
        if nearest is not None:
            line = known[nearest].mark.line if nearest in known else self.saved[nearest].line
            self._error(mark, f'"{name}" is not defined; did you mean "{nearest}" (line {line})?')
            return
        self._error(mark, f'"{name}" is not defined{self._hint(name)}')

    def _when_saved(self, name: str, numbers: Mapping[str, int]) -> str:
        if name in numbers:
            return f"saved by step {numbers[name]}, after this"
        return f"saved elsewhere (line {self.saved[name].line}), not before this"

    def _hint(self, name: str) -> str:
        if name in self.reader.extensions.functions:
            return f"; a function has brackets: ${{{name}()}}"
        if self.document.kind == "fragment":
            known = ", ".join(self.document.inputs) or "there are none"
            return f"; a fragment knows only its inputs: {known}"
        return "; declare it under variables, or save it in a step before"

    def _path(self, usage: Usage, owner: Owner) -> None:
        """Look whether a path into a value that is written in the document leads anywhere."""
        reference = usage.reference
        if reference is None or reference.has_default:
            return
        for value in owner.values:
            message = leads_nowhere(reference, value)
            if message is not None:
                self._error(usage.mark, message)
                return


class _KnownWithRows:
    """What is known before the rows of `for_each`, and with them."""

    __slots__ = ("inside", "outside")

    def __init__(self, outside: Names, inside: Names) -> None:
        self.outside = outside
        self.inside = inside


def _saves(step: Step) -> list[tuple[str, Mark]]:
    found = [(save.name, save.mark) for save in step.save]
    if step.use is not None:
        found += [(name, mark) for name, _, mark in step.use.save]
    return found
