"""One document: its steps in order, what they save for each other, and what stands around them.

Rules kept here:
- what a step needs is saved by an earlier one; what the operations of another document make is made in `setup`;
- what is made is removed by the step that does so, and where the document has none, by a clean-up beside its creation;
- a value that nobody makes is a variable, so that an author sees what to fill in;
- the description checks the exchange; a step adds the status, and what was sent and comes back.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import field
from typing import Any
from urllib.parse import quote

from pytest_apitest.data import data, record
from pytest_apitest.openapi.samples import Sampler
from pytest_apitest.patterns import deferred
from pytest_apitest.scaffold.access import Access, Grant
from pytest_apitest.scaffold.contents import Body, Contents, InPath, LeftOutError, Maker, literal, text_of
from pytest_apitest.scaffold.flow import Creator, Flow, json_path, key_of, name_in, resource_of
from pytest_apitest.scaffold.naming import Names, identifier, title
from pytest_apitest.scaffold.operations import Operation, Operations
from pytest_apitest.scaffold.order import ordered
from pytest_apitest.scaffold.yaml_writing import Remark

_PARAMETER = deferred(r"\{([^{}]*)\}")
_HIDDEN_FIELD = deferred(r"(?i)csrf|xsrf|authenticity|nonce")
_MEMBER = deferred(r"[A-Za-z_][A-Za-z0-9_]*")
# What servers are free to write in another way than it was sent, or do not say back.
_CHANGING_FORMATS = frozenset(
    {"date-time", "time", "duration", "password", "binary", "byte", "uri", "iri", "email"}
)
_MOST_CHECKS = 8


@data
class Tools:
    """What all documents share.

    Args:
        reader: reads the description.
        maker: makes what requests hold.
        flow: which operation makes what.
        answers: knows the schemas of answers.
        operations: all operations.
        base: path before all paths of requests.

    """

    reader: Operations
    maker: Maker
    flow: Flow
    answers: Sampler
    operations: Sequence[Operation]
    base: str


@record
class Planned:
    """An operation that becomes a step.

    Args:
        operation: the operation.
        contents: what its request holds.
        grant: who it is from.
        saves: names to sources.
        entity_tag: name of the entity tag that it sends; empty for none.
        cleanup: the clean-up beside it, or None.
        hidden: fields of its form that come from the page of the form.

    """

    operation: Operation
    contents: Contents
    grant: Grant = field(default_factory=Grant)
    saves: dict[str, Any] = field(default_factory=dict)
    entity_tag: str = ""
    cleanup: "Planned | None" = None
    hidden: dict[str, str] = field(default_factory=dict)


class Plan:
    """The steps of one document.

    Args:
        tools: what all documents share.
        operations: its operations, in the order of the description.

    """

    def __init__(self, tools: Tools, operations: Sequence[Operation]) -> None:
        self._tools = tools
        self.names = Names(("api",))
        self.access = Access(tools.reader, self.names)
        self.variables: dict[str, Any] = {}
        self.left_out: dict[str, str] = {}
        self._saved: dict[str, str] = {}
        self._unmade: dict[tuple[str, str], str] = {}
        self._own: list[Operation] = []
        self.items: list[Planned | Remark] = []
        self.setup: list[Planned] = []
        for operation in ordered(operations):
            try:
                self.items.append(Planned(operation, tools.maker.contents(operation)))
                self._own.append(operation)
            except LeftOutError as error:
                self._leave_out(operation, error.message)
        self._make_first()
        planned = [*self.setup, *self.steps]
        self._save_ids(planned)
        self._save_entity_tags()
        self._save_hidden_fields()
        self._grant(planned)

    @property
    def steps(self) -> list[Planned]:
        """The steps without remarks."""
        return [item for item in self.items if isinstance(item, Planned)]

    def _leave_out(self, operation: Operation, reason: str) -> None:
        self.left_out[operation.label] = reason
        self.items.append(Remark(f"Left out: {operation.label.replace('${', '{')}: {reason}"))

    # -- what is needed ---------------------------------------------------------------------------------

    def _needs(self, operation: Operation) -> dict[str, Creator]:
        """Return the creators of the path parameters and the members of the body that are ids."""
        flow = self._tools.flow
        found: dict[str, Creator] = {}
        for name in _PARAMETER.findall(operation.path):
            creator = flow.of_path(operation.path, name)
            if creator is not None and creator.operation is not operation:
                found[name] = creator
        return found

    def _named(self, planned: Planned) -> dict[str, Creator]:
        """Return the creators of what the query and the members of the body name."""
        found: dict[str, Creator] = {}
        body = planned.contents.body
        members = (
            body.value if body is not None and body.kind == "json" and isinstance(body.value, dict) else {}
        )
        for name in (*planned.contents.query, *members):
            creator = self._tools.flow.called(name)
            if creator is None or creator.operation is planned.operation:
                continue
            if name in members and body is not None:
                types = self._tools.maker.types(body.members.get(name, ()))
                if creator.source.types and types and not creator.source.types & types:
                    continue
            found[name] = creator
        return found

    def _all_needs(self, planned: Planned) -> list[Creator]:
        return [*self._needs(planned.operation).values(), *self._named(planned).values()]

    def _make_first(self) -> None:
        """Fill `setup` with the creators that no earlier step is."""
        before: list[Operation] = []
        for step in self.steps:
            for creator in self._all_needs(step):
                if creator.operation not in before:
                    self._set_up(creator, ())
            before.append(step.operation)

    def _set_up(self, creator: Creator, above: tuple[Operation, ...]) -> None:
        operation = creator.operation
        if operation in above or any(one.operation is operation for one in self.setup):
            return
        planned = Planned(operation, self._tools.maker.contents(operation))
        for needed in self._all_needs(planned):
            self._set_up(needed, (*above, operation))
        self.setup.append(planned)

    def _save_ids(self, planned: Sequence[Planned]) -> None:
        made: set[Operation] = set()
        needed = {creator.key for one in planned for creator in self._all_needs(one)}
        for one in planned:
            if one.operation in made:
                continue
            made.add(one.operation)
            for key, creator in self._tools.flow.creators.items():
                if creator.operation is not one.operation:
                    continue
                remover = self._remover(key)
                if key in needed or remover is not None:
                    self._saved[key] = self.names.new(creator.name)
                    one.saves[self._saved[key]] = creator.source.save
                if remover is not None:
                    one.cleanup = Planned(remover, self._tools.maker.contents(remover))

    def _remover(self, key: str) -> Operation | None:
        """Return what removes a thing when no step of the document does."""
        remover = self._tools.flow.removers.get(key)
        if remover is None or remover in self._own or not self._tools.maker.makeable(remover):
            return None
        return remover

    def _save_entity_tags(self) -> None:
        """Let each conditional request send the entity tag of the last answer about its resource."""
        for index, step in enumerate(self.steps):
            if step.operation.parameter("header", "If-Match") is None:
                continue
            key = key_of(step.operation.path)
            for earlier in reversed([*self.setup, *self.steps[:index]]):
                about = key_of(earlier.operation.path) == key or self._makes(earlier.operation, key)
                success = earlier.operation.success
                if about and success is not None and "etag" in success.headers:
                    name = self._entity_tag(key, step.operation)
                    earlier.saves[name] = {"header": "ETag"}
                    step.entity_tag = name
                    break

    def _makes(self, operation: Operation, key: str) -> bool:
        creator = self._tools.flow.creators.get(key)
        return creator is not None and creator.operation is operation

    def _entity_tag(self, key: str, operation: Operation) -> str:
        tag = f"{key}\netag"
        if tag not in self._saved:
            self._saved[tag] = self.names.new(identifier(resource_of(operation.path), "etag"))
        return self._saved[tag]

    def _save_hidden_fields(self) -> None:
        """Take the token against forgery of a form from the page that shows the form."""
        for index, step in enumerate(self.steps):
            body = step.contents.body
            if body is None or body.kind != "form":
                continue
            for earlier in self.steps[:index]:
                operation, success = earlier.operation, earlier.operation.success
                if (operation.method, operation.path) != ("GET", step.operation.path) or success is None:
                    continue
                if "text/html" not in (success.value.get("content") or {}):
                    continue
                for name in body.value:
                    if _HIDDEN_FIELD.search(name) and _MEMBER.fullmatch(name):
                        step.hidden[name] = self.names.new(identifier(name))
                        earlier.saves[step.hidden[name]] = {
                            "text": True,
                            "regex": f'name="{name}" value="([^"]+)"',
                        }

    def _grant(self, planned: Sequence[Planned]) -> None:
        jar = False
        for one in planned:
            one.grant = self.access.of(one.operation, jar=jar)
            success = one.operation.success
            jar = jar or (success is not None and "set-cookie" in success.headers)
            if one.cleanup is not None:
                one.cleanup.grant = self.access.of(one.cleanup.operation, jar=False)

    # -- writing ----------------------------------------------------------------------------------------

    def endpoint_auth(self) -> str:
        """Return the credential that most steps need, or an empty text."""
        planned = [*self.setup, *self.steps]
        counts = Counter(one.grant.auth for one in planned)
        best, count = max(
            ((name, count) for name, count in counts.items() if name), key=lambda one: one[1], default=("", 0)
        )
        return best if count * 2 >= len(planned) else ""

    def written(self, planned: Planned, auth: str, called: set[str], saved: dict[str, str]) -> dict[str, Any]:
        """Return a step.

        Args:
            planned: what it does.
            auth: the credential of the endpoint.
            called: names of steps so far.
            saved: names of what `setup` saved, by key.

        """
        operation = planned.operation
        step: dict[str, Any] = {}
        name = title(str(operation.value.get("summary") or operation.value.get("operationId") or ""))
        if name and name not in called:
            called.add(name)
            step["name"] = name
        step["request"] = self._request(planned)
        if planned.grant.auth != auth:
            step["auth"] = planned.grant.auth or "none"
        if operation.redirects:
            step["follow_redirects"] = True
        if operation.tries:
            step["retry"] = {"times": 5, "every": "500ms"}
        saves = {name: source for name, source in planned.saves.items() if name not in saved}
        if saves:
            step["save"] = saves
        if planned.cleanup is not None:
            step["cleanup"] = self._cleanup(planned.cleanup, auth)
        expect: dict[str, Any] = {}
        if operation.status is not None:
            expect["status"] = operation.status
        if checks := self._checks(planned):
            expect["json"] = checks
        if expect:
            step["expect"] = expect
        return step

    def _cleanup(self, planned: Planned, auth: str) -> Any:
        request = self._request(planned)
        if planned.grant.auth == auth:
            return request
        return {"request": request, "auth": planned.grant.auth or "none"}

    def _request(self, planned: Planned) -> Any:
        operation, contents = planned.operation, planned.contents
        url = self._url(planned)
        if contents.raw_query:
            url += "?" + "&".join(contents.raw_query)
        named = self._named(planned)
        query = {
            name: self._reference(named[name]) if name in named else value
            for name, value in contents.query.items()
        }
        query.update(planned.grant.query)
        headers = dict(contents.headers)
        if planned.entity_tag:
            headers = {name: value for name, value in headers.items() if name.lower() != "if-match"}
            headers["If-Match"] = f"${{{planned.entity_tag}}}"
        body = contents.body
        if body is not None and body.content_type:
            headers["Content-Type"] = body.content_type
        headers.update(planned.grant.headers)
        cookies = {**contents.cookies, **planned.grant.cookies}
        beside = {"query": query, "headers": headers, "cookies": cookies}
        rest: dict[str, Any] = {key: value for key, value in beside.items() if value}
        if body is not None:
            rest[body.kind] = self._body(body, named, planned.hidden)
        return {operation.method: url, **rest} if rest else f"{operation.method} {url}"

    def _body(self, body: Body, named: dict[str, Creator], hidden: dict[str, str]) -> Any:
        if not isinstance(body.value, dict):
            return body.value
        value = {
            name: self._reference(named[name]) if name in named and body.kind == "json" else item
            for name, item in body.value.items()
        }
        return {name: f"${{{hidden[name]}}}" if name in hidden else item for name, item in value.items()}

    def _reference(self, creator: Creator) -> str:
        return f"${{{self._saved[creator.key]}}}"

    def _url(self, planned: Planned) -> str:
        operation = planned.operation
        needs = self._needs(operation)
        written: list[str] = []
        for index, piece in enumerate(_PARAMETER.split(operation.path)):
            if index % 2 == 0:
                text = quote(piece, safe="/:@!$&'()*+,;=~-._%")
                following = index + 1 < len(_PARAMETER.split(operation.path))
                written.append(text[:-1] + "%24" if text.endswith("$") and following else text)
                continue
            given = planned.contents.path.get(piece, InPath("", "text", ""))
            if piece in needs and needs[piece].key in self._saved:
                written.append(given.before + self._reference(needs[piece]))
            else:
                written.append(given.text or given.before + self._variable(planned.operation, piece, given))
        return self._tools.base + "".join(written)

    def _variable(self, operation: Operation, parameter: str, given: InPath) -> str:
        """Return the reference to the variable that stands for a path parameter that nothing makes."""
        name, text = name_in(operation.path, parameter), text_of(given.value)
        for (known, written), variable in self._unmade.items():
            if known == name and written == text:
                return f"${{{variable}}}"
        variable = self.names.new(name)
        self._unmade[name, text] = variable
        self.variables[variable] = literal(given.value)
        return f"${{{variable}}}"

    def _checks(self, planned: Planned) -> dict[str, Any]:
        """Return what was sent and comes back, or the id of what was read."""
        success = planned.operation.success
        pointer = self._tools.flow.json_of(success) if success is not None else None
        if pointer is None:
            return {}
        answered = self._tools.answers.properties((pointer,))
        body = planned.contents.body
        checks: dict[str, Any] = {}
        if body is not None and isinstance(body.sent, dict):
            named = self._named(planned)
            for name, value in body.sent.items():
                if name in answered and self._says_back(answered[name], value):
                    checks[json_path(name)] = (
                        self._reference(named[name]) if name in named else literal(value)
                    )
        elif planned.operation.method == "GET":
            creator = self._tools.flow.creators.get(key_of(planned.operation.path))
            if creator is not None and creator.key in self._saved and creator.source.member in answered:
                checks[json_path(creator.source.member)] = self._reference(creator)
        return dict(list(checks.items())[:_MOST_CHECKS])

    def _says_back(self, places: tuple[Any, ...], value: Any) -> bool:
        answers = self._tools.answers
        simple = not isinstance(value, dict) and not (
            isinstance(value, list) and any(isinstance(item, dict | list) for item in value)
        )
        return (
            simple
            and answers.keyword(places, "format") not in _CHANGING_FORMATS
            and all(answers.fits(place, value) for place in places)
        )


def document_of(plan: Plan, head: dict[str, Any], endpoint: dict[str, Any]) -> dict[str, Any]:
    """Return the document of a plan.

    Args:
        plan: the plan.
        head: what it begins with.
        endpoint: settings of its endpoint.

    """
    auth = plan.endpoint_auth()
    called: set[str] = set()
    setup = [plan.written(one, auth, called, {}) for one in plan.setup]
    saved = {name: "" for one in plan.setup for name in one.saves}
    steps: list[Any] = []
    for item in plan.items:
        steps.append(item if isinstance(item, Remark) else plan.written(item, auth, called, saved))
        if isinstance(item, Planned) and item.grant.missing:
            steps.insert(
                -1, Remark(f"Who may do this is not written here: {item.grant.missing}", beside=True)
            )
    document: dict[str, Any] = {
        **head,
        "endpoints": {"api": {**endpoint, **({"auth": auth} if auth else {})}},
    }
    variables = {**plan.variables, **plan.access.variables}
    if variables:
        document["variables"] = variables
    if plan.access.credentials:
        document["credentials"] = plan.access.credentials
    if setup:
        document["setup"] = setup
    document["steps"] = steps
    return document
