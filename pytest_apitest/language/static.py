"""The static check of names: who owns them, where they are known, and in which order (language, sections 3 and 8).

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
from dataclasses import dataclass

from pytest_apitest.errors import near
from pytest_apitest.language import model
from pytest_apitest.language.model import (
    CLEANUP,
    SAVE,
    Case,
    Document,
    EndpointSpec,
    Mark,
    Step,
    Usage,
    VariableSpec,
)
from pytest_apitest.language.reader import Reader
from pytest_apitest.references import Literal, RenderError


@dataclass(frozen=True, slots=True)
class Owner:
    """Who owns a name.

    Args:
        what: what it is, for messages: `a variable`, `an endpoint`, `a row key`, `saved by setup`…
        mark: where it is declared.
        kind: `endpoint`, `variable`, `local`, `row`, `save`, `setup`, `fixture` or `input`.

    """

    what: str
    mark: Mark
    kind: str


Names = dict[str, Owner]


def check_names(reader: Reader, document: Document) -> None:
    """Record every problem with names in a document."""
    _Checker(reader, document).check()


class _Checker:
    def __init__(self, reader: Reader, document: Document) -> None:
        self.reader = reader
        self.document = document
        # Names that some step saves, with the step: to tell "later" from "never".
        self.saved: dict[str, tuple[str, Mark]] = {}

    def check(self) -> None:
        document = self.document
        for step in document.all_steps():
            for name, mark in _saves(step):
                self.saved.setdefault(name, (step.name, mark))
        names = self._declared()
        self._variables(document.variables, names)
        self._variables(document.inputs, {})
        self._endpoints(names)
        self._declared_elsewhere(names)
        if document.single:
            self._single(names)
        else:
            self._cases(names)
        self._needs(document.needs, names)

    # -- declarations -----------------------------------------------------------------------------------

    def _declared(self) -> Names:
        names: Names = {}
        document = self.document
        for spec in document.endpoints.values():
            self._own(names, spec.name, Owner("an endpoint", spec.mark, "endpoint"))
        for variable in document.variables.values():
            self._own(names, variable.name, Owner("a variable", variable.mark, "variable"))
        for variable in document.inputs.values():
            self._own(names, variable.name, Owner("an input", variable.mark, "input"))
        for name, mark in document.fixtures:
            self._own(names, name, Owner("a fixture", mark, "fixture"))
        return names

    def _own(self, names: Names, name: str, owner: Owner) -> None:
        earlier = names.get(name)
        if earlier is not None:
            self._conflict(name, earlier, owner)
        else:
            names[name] = owner

    def _conflict(self, name: str, earlier: Owner, owner: Owner) -> None:
        message = (
            f'"{name}" is {earlier.what} (line {earlier.mark.line}) and {owner.what} (line {owner.mark.line})'
        )
        self._error(owner.mark, message)

    def _error(self, mark: Mark, message: str) -> None:
        self.reader.error_at(mark.line, mark.column, message, mark.width)

    def _variables(self, specs: Mapping[str, VariableSpec], names: Names) -> None:
        known = names | {name: Owner("", spec.mark, "variable") for name, spec in specs.items()}
        for spec in specs.values():
            self._known(spec.usages, known, early="a variable is computed before any step")
        self._cycles(
            {name: spec.usages for name, spec in specs.items()},
            {n: s.mark for n, s in specs.items()},
            "variables",
        )

    def _cycles(self, uses: Mapping[str, Iterable[Usage]], marks: Mapping[str, Mark], what: str) -> None:
        graph = {
            name: [usage.name for usage in usages if usage.name in uses] for name, usages in uses.items()
        }
        done: set[str] = set()
        for start in graph:
            chain = _cycle(graph, start, done)
            if chain:
                self._error(marks[chain[0]], f"{what} refer to each other: {' -> '.join(chain)}")
                return

    def _endpoints(self, names: Names) -> None:
        saved = {name: Owner("", mark, "save") for name, (_, mark) in self.saved.items()}
        for spec in self.document.endpoints.values():
            address = _address_usages(spec)
            self._known(address, names, early="the address of an endpoint is made before any step")
            rest = [usage for usage in spec.usages if usage not in address]
            self._known(rest, names | saved)
        uses = {name: _address_usages(spec) for name, spec in self.document.endpoints.items()}
        self._cycles(uses, {name: spec.mark for name, spec in self.document.endpoints.items()}, "endpoints")

    def _declared_elsewhere(self, names: Names) -> None:
        """Look at what is declared by name: everything it refers to must be known somewhere."""
        document = self.document
        known = dict(names)
        for name, (_, mark) in self.saved.items():
            known.setdefault(name, Owner("", mark, "save"))
        for case in document.cases:
            for rows in (case.parametrize, case.for_each):
                for name in rows.names if rows is not None else ():
                    known.setdefault(name, Owner("", case.mark, "row"))
            for name, spec in case.variables.items():
                known.setdefault(name, Owner("", spec.mark, "local"))
        for step in document.all_steps():
            for name in step.for_each.names if step.for_each is not None else ():
                known.setdefault(name, Owner("", step.mark, "row"))
        for table in (document.credentials, document.requests, document.expectations):
            for named in table.values():
                self._known(named.usages, known)

    # -- the flow of a document -------------------------------------------------------------------------

    def _single(self, names: Names) -> None:
        document = self.document
        case = document.cases[0]
        self._known(case.usages, names, early="rows are computed before any step")
        known = self._with_rows(names, case)
        self._known(
            document.usages,
            known,
            early="a condition of the document is read before any step",
            conditions=True,
        )
        self._steps(document.setup, known, "save")
        self._steps(case.steps, known, "save")
        self._outputs(known)
        self._steps(document.teardown, dict(known), "save")

    def _outputs(self, known: Names) -> None:
        for _, value in self.document.outputs:
            for reference in value.references():
                if reference.function is None:
                    mark = Mark(reference.line, reference.column, reference.width)
                    self._known([Usage(reference.name, model.CHECK, mark, reference)], known)

    def _cases(self, names: Names) -> None:
        document = self.document
        self._known(
            document.usages,
            names,
            early="a condition of the document is read before any step",
            conditions=True,
        )
        shared = dict(names)
        self._steps(document.setup, shared, "setup")
        everything = dict(shared)
        for case in document.cases:
            known = self._case(case, shared)
            for name, owner in known.items():
                everything.setdefault(name, owner)
        if document.before_each and not document.cases:
            self._steps(document.before_each, dict(shared), "save")
        self._steps(document.after_each, dict(everything), "save")
        self._steps(document.teardown, dict(shared), "save")

    def _case(self, case: Case, shared: Names) -> Names:
        known = self._with_rows(shared, case)
        for spec in case.variables.values():
            earlier = known.get(spec.name)
            if earlier is not None and earlier.kind != "variable":
                self._conflict(spec.name, earlier, Owner("a local variable", spec.mark, "local"))
            known[spec.name] = Owner("a local variable", spec.mark, "local")
        self._variables(
            case.variables, {name: owner for name, owner in known.items() if owner.kind != "save"}
        )
        self._known(case.usages, shared if case.for_each is None else known, conditions=True)
        self._steps(self.document.before_each, known, "save")
        self._steps(case.steps, known, "save")
        if case.rule is not None:
            self._needs(case.rule.needs, known)
        return known

    def _with_rows(self, names: Names, case: Case) -> Names:
        known = dict(names)
        for rows in (case.parametrize, case.for_each):
            for name in rows.names if rows is not None else ():
                self._row(known, name, rows.mark if rows is not None else case.mark)
        return known

    def _row(self, known: Names, name: str, mark: Mark) -> None:
        owner = Owner("a row key", mark, "row")
        earlier = known.get(name)
        if earlier is not None:
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
        early = [usage for usage in step.usages if usage.phase < model.REQUEST]
        self._known(early, known, numbers=numbers, conditions=True)
        inside = dict(known)
        for name in step.for_each.names if step.for_each is not None else ():
            self._row(inside, name, step.for_each.mark if step.for_each is not None else step.mark)
        requested = [usage for usage in step.usages if model.REQUEST <= usage.phase <= SAVE]
        self._known(requested, inside, numbers=numbers)
        what = "saved by setup" if kind == "setup" else "saved"
        for name, mark in _saves(step):
            earlier = inside.get(name)
            if earlier is not None and earlier.kind == "setup" and kind != "setup":
                self._error(mark, f"{name} is saved by setup; choose another name")
            elif earlier is not None and earlier.kind not in ("save", "setup", "variable", "local"):
                self._conflict(name, earlier, Owner(what, mark, kind))
            inside[name] = known[name] = Owner(what, mark, kind)
        later = [usage for usage in step.usages if SAVE < usage.phase <= CLEANUP]
        self._known(later, inside, numbers=numbers)

    # -- references -------------------------------------------------------------------------------------

    def _known(
        self,
        usages: Iterable[Usage],
        known: Names,
        *,
        early: str = "",
        numbers: Mapping[str, int] | None = None,
        conditions: bool = False,
    ) -> None:
        for usage in usages:
            owner = known.get(usage.name)
            if owner is None:
                self._undefined(usage.name, usage.mark, known, early=early, numbers=numbers)
            elif usage.reference is not None and owner.kind in ("variable", "local"):
                self._path(usage)
        del conditions

    def _undefined(
        self,
        name: str,
        mark: Mark,
        known: Names,
        *,
        early: str = "",
        numbers: Mapping[str, int] | None = None,
    ) -> None:
        saved = self.saved.get(name)
        if saved is not None:
            if early:
                self._error(mark, f'"{name}" is saved by a step (line {saved[1].line}); {early}')
            elif numbers is not None and name in numbers:
                self._error(mark, f'"{name}" is saved by step {numbers[name]}, after this')
            else:
                self._error(mark, f'"{name}" is saved elsewhere (line {saved[1].line}), not before this')
            return
        nearest = near(name, {**known, **dict.fromkeys(self.saved)})
        if nearest is None:
            hint = ""
            if self.document.kind == "fragment":
                hint = f"; a fragment knows only its inputs: {', '.join(self.document.inputs) or 'there are none'}"
            elif self.reader.kind != "fragment" and not known:
                hint = "; declare it under variables, or save it in a step before"
            self._error(mark, f'"{name}" is not defined{hint}')
            return
        line = known[nearest].mark.line if nearest in known else self.saved[nearest][1].line
        self._error(mark, f'"{name}" is not defined; did you mean "{nearest}" (line {line})?')

    def _path(self, usage: Usage) -> None:
        """Look whether a path into a variable whose value is written in the document leads anywhere."""
        reference = usage.reference
        assert reference is not None
        spec = self.document.variables.get(usage.name)
        if spec is None or not reference.path or reference.has_default or spec.env:
            return
        if not isinstance(spec.default, Literal) or self.reader.around.overridden(usage.name):
            return
        if any(usage.name in case.variables for case in self.document.cases) or usage.name in self.saved:
            return
        try:
            reference.walk(spec.default.value)
        except RenderError as error:
            self._error(usage.mark, error.message)


def _saves(step: Step) -> list[tuple[str, Mark]]:
    found = [(save.name, save.mark) for save in step.save]
    if step.use is not None:
        found += [(name, mark) for name, _, mark in step.use.save]
    return found


def _address_usages(spec: EndpointSpec) -> list[Usage]:
    values = [value for value in (spec.url, spec.default) if value is not None]
    references = [reference for value in values for reference in value.references()]
    return [usage for usage in spec.usages if usage.reference in references]


def _cycle(graph: Mapping[str, list[str]], start: str, done: set[str]) -> list[str]:
    """Return a chain of names that leads back to its first, or an empty list."""
    stack: list[tuple[str, int]] = [(start, 0)]
    path: list[str] = []
    while stack:
        name, index = stack.pop()
        if index == 0:
            if name in path:
                return [*path[path.index(name) :], name]
            if name in done:
                continue
            path.append(name)
        if index < len(graph[name]):
            stack.append((name, index + 1))
            stack.append((graph[name][index], 0))
        else:
            path.pop()
            done.add(name)
    return []
