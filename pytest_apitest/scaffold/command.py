"""The command `apitest init --from-openapi`: a description in, scenarios out, and what to do next.

Rules kept here:
- everything is made before anything is written, and nothing is written over;
- a description with mistakes is refused with the first of them: what is made of it could not be right;
- exit status 0: written, 1: the description has mistakes, 2: the command cannot be carried out.
"""

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_apitest.data import data
from pytest_apitest.language.declarations import base_url_problem
from pytest_apitest.openapi.description import Description
from pytest_apitest.openapi.inspector import inspect
from pytest_apitest.openapi.paths import base_path
from pytest_apitest.openapi.reading import DescriptionError
from pytest_apitest.openapi.samples import Sampler
from pytest_apitest.openapi.schemas import RESPONSE
from pytest_apitest.openapi.sources import read_source
from pytest_apitest.patterns import deferred
from pytest_apitest.scaffold.contents import Maker
from pytest_apitest.scaffold.documents import Plan, Tools, document_of
from pytest_apitest.scaffold.flow import Flow
from pytest_apitest.scaffold.naming import Names, file_stem, title
from pytest_apitest.scaffold.operations import Operation, Operations
from pytest_apitest.scaffold.yaml_writing import one_line, written

_VARIABLE = deferred(r"\{([^{}]*)\}")
_MOST_TOLD = 20
_ENDING = ".apitest.yaml"


class CommandError(Exception):
    """The command ends without writing anything.

    Args:
        message: why.
        status: exit status.

    """

    def __init__(self, message: str, status: int = 2) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


@data
class Request:
    """What was asked for.

    Args:
        file: name of the description.
        output: name of the folder.
        endpoint: base URL, or None.
        app: `module:factory`, or None.
        force: whether files are written over.
        refs: whether references may lead to files below the folder of the description.

    """

    file: str
    output: str
    endpoint: str | None
    app: str | None
    force: bool
    refs: bool = False


@data
class Written:
    """A document that was made.

    Args:
        name: of its file.
        text: its text.
        steps: number of its steps.
        unset: environment variables that it needs.
        hints: what some of them hold, by name.
        left_out: reasons by operation.

    """

    name: str
    text: str
    steps: int
    unset: tuple[str, ...]
    hints: Mapping[str, str]
    left_out: Mapping[str, str]


def run(request: Request) -> tuple[int, str, str]:
    """Return the exit status and what goes to standard output and standard error.

    Args:
        request: what was asked for.

    """
    try:
        _check(request)
        description = _read(request.file, refs=request.refs)
        output = Path(request.output)
        source = Path(request.file)
        below = source.resolve().is_relative_to(output.resolve())
        named = source.resolve().relative_to(output.resolve()).as_posix() if below else _copied_name(source)
        made, more = scenarios(description, named, request.endpoint, request.app)
        _check_made(made, more, request)
        files = {output / one.name: one.text.encode() for one in made}
        if not below:
            files |= {output / name: content for name, content in _copies(description, source, named).items()}
        _write(files, request)
    except DescriptionError as error:
        return 2, "", f"{error.of(request.file)}\n"
    except CommandError as error:
        return error.status, "", f"apitest init: {error.message}\n"
    return 0, _told(request, made, more, [] if below else [named, *description.files]), ""


def _check(request: Request) -> None:
    # What is no name of a file may hold a secret, and so may a URL: neither is repeated.
    if "://" in request.file:
        raise CommandError("--from-openapi: URLs are not read; download the description and name the file")
    if not request.file:
        raise CommandError("--from-openapi is empty: name the description")
    if not request.output:
        raise CommandError("--output is empty: name a folder, . for this one")
    if request.endpoint is not None and (problem := base_url_problem(request.endpoint)):
        raise CommandError(f"--endpoint: {problem}")
    if request.app is not None:
        from pytest_apitest.hosting.loading import AppError, load_app  # noqa: PLC0415 - few name an application

        try:
            load_app(request.app, [Path(request.output), Path.cwd()])
        except AppError as error:
            raise CommandError(f"--app {request.app}: {error.message}") from None


def _check_made(made: Sequence["Written"], more: Sequence[str], request: Request) -> None:
    if not made:
        reasons = "".join(f"\n{one}" for one in more[:_MOST_TOLD])
        raise CommandError(
            f"{request.file}: no step can be written, there is no operation for one{reasons}", 1
        )


def _read(name: str, *, refs: bool) -> Description:
    """Return a description without mistakes."""
    inspection = inspect(Path(name), name, refs=refs)
    wrong = [one for one in inspection.findings if one.severity == "error"]
    if wrong:
        first, quoted = wrong[0], shlex.quote(name)
        more = f"{len(wrong)} errors" if len(wrong) > 1 else "this error"
        cure = f"Mend {more} first: apitest inspect {quoted}{' --refs' * refs}"
        if not refs and any(one.rule == "ref-external" and "://" not in one.message for one in wrong):
            cure = f"Read the files that it refers to: apitest init --from-openapi {quoted} --refs"
        told = first.message.partition("; --ref")[0]  # what follows is an option of `apitest inspect`
        message = f"{first.file or name}:{first.line}:{first.column}: {told}\n{cure}"
        raise CommandError(message, 1)
    return read_source(Path(name), name, refs=refs)


def _copied_name(source: Path) -> str:
    # Under its own name it would be collected as a document.
    return source.name.replace(".apitest.y", ".openapi.y")


def _copies(description: Description, source: Path, named: str) -> dict[str, bytes]:
    """Return the files of a description by their names in the folder that they are copied to."""
    files = list(description.files)
    for name in (source.name, *files) if files else ():
        if ".apitest.y" in name:
            raise CommandError(
                f"{name} would be collected as a document where it is copied to; give it another name"
            )
    return {named: source.read_bytes(), **{name: (source.parent / name).read_bytes() for name in files}}


# -- making ---------------------------------------------------------------------------------------------


def scenarios(
    description: Description, named: str, endpoint: str | None, app: str | None
) -> tuple[list[Written], list[str]]:
    """Return the documents for a description, and the operations that no request can be made for.

    Args:
        description: the description, without errors.
        named: the description as the documents name it.
        endpoint: base URL to write, or None.
        app: application to write, or None.

    """
    reader = Operations(description)
    operations = list(reader.all())
    maker = Maker(reader, Sampler(description))
    answers = Sampler(description, RESPONSE)
    flow = Flow(reader, operations, answers, maker.makeable)
    root: Mapping[str, Any] = description.value
    tools = Tools(reader, maker, flow, answers, operations, _base(root) if app is not None else "")
    address = (
        {"app": app} if app is not None else {"url": endpoint} if endpoint is not None else _address(root)
    )
    told = {
        str(tag.get("name")): str(tag.get("description") or "")
        for tag in root.get("tags") or ()
        if isinstance(tag, Mapping)
    }
    tags: dict[str, list[Operation]] = {}
    for operation in operations:
        tags.setdefault(operation.tag, []).append(operation)
    files, titles = Names(), Names()
    made: list[Written] = []
    for tag, own in tags.items():
        plan = Plan(tools, own)
        name = titles.new(title(tag) or "api", " ")
        head = {"scenario": name}
        if about := one_line(told.get(tag, "")).replace("${", "{"):
            head["description"] = about
        stem = files.new(file_stem(tag), "-")
        openapi = {"file": named, "refs": True} if description.files else named
        document = document_of(plan, head, {**address, "openapi": openapi})
        if not plan.steps:
            document["steps"] = []
        made.append(_written(stem, document, plan, named))
    return [one for one in made if one.steps], _unwritten(made, list(reader.others()))


def _unwritten(made: Sequence[Written], others: Sequence[str]) -> list[str]:
    """Return what is in no file: operations of documents without a step, and methods that are not known."""
    lost = [f"{label}: {reason}" for one in made if not one.steps for label, reason in one.left_out.items()]
    return [*lost, *(f"{label}: a request has no such method" for label in others)]


def _written(stem: str, document: dict[str, Any], plan: Plan, named: str) -> Written:
    declared = [document["endpoints"]["api"], *plan.access.variables.values()]
    unset = [one["env"] for one in declared if "env" in one and "default" not in one]
    remark = f"A beginning, made from {named}; go on from here."
    text = written(document, remark) if plan.steps else ""
    hints = plan.access.hints
    return Written(f"{stem}{_ENDING}", text, len(plan.steps), tuple(unset), hints, plan.left_out)


def _servers(root: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    servers = root.get("servers")
    return [one for one in (servers if isinstance(servers, list) else ()) if isinstance(one, Mapping)]


def _base(root: Mapping[str, Any]) -> str:
    """Return the path that an application serves everything below."""
    server = next(iter(_servers(root)), {})
    return base_path(str(server.get("url", "")), server.get("variables"))


def _address(root: Mapping[str, Any]) -> dict[str, Any]:
    """Return the address of an endpoint: an environment variable, and the first server where it is a whole URL."""
    server = next(iter(_servers(root)), {})
    variables = server.get("variables")
    specs = variables if isinstance(variables, Mapping) else {}
    url = _VARIABLE.sub(
        lambda found: str((specs.get(found[1]) or {}).get("default", found[0])), str(server.get("url", ""))
    )
    address = {"env": "API_URL"}
    if base_url_problem(url) is None and "{" not in url:
        address["default"] = url
    return address


# -- files ----------------------------------------------------------------------------------------------


def _write(files: Mapping[Path, bytes], request: Request) -> None:
    if Path(request.output).exists() and not Path(request.output).is_dir():
        raise CommandError(f"--output {request.output}: there is a file of this name; name a folder")
    there = [file for file, content in files.items() if _in_the_way(file, content)]
    if there and not request.force:
        names = ", ".join(_shown(file) for file in there)
        verb = "is there already" if len(there) == 1 else "are there already"
        raise CommandError(
            f"{names} {verb}; nothing was written. Write over with --force, or name another --output"
        )
    output = Path(request.output)
    try:
        output.mkdir(parents=True, exist_ok=True)
        for file, content in files.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
    except OSError as error:
        said = (error.strerror or "error").lower()
        raise CommandError(f"{_shown(Path(error.filename or output))}: cannot be written: {said}") from None


def _in_the_way(file: Path, content: bytes) -> bool:
    """Tell whether something is in the place of a file; the same description is not in the way."""
    if not os.path.lexists(file):
        return False
    return file.name.endswith(_ENDING) or not file.is_file() or file.read_bytes() != content


def _shown(file: Path) -> str:
    return file.as_posix()


def _told(request: Request, made: Sequence[Written], more: Sequence[str], copied: Sequence[str]) -> str:
    output = Path(request.output)
    rows = [(_shown(output / one.name), f"{one.steps} step{'s' * (one.steps != 1)}") for one in made]
    rows += (
        (_shown(output / name), "a part of it" if index else "the description")
        for index, name in enumerate(copied)
    )
    width = max(len(name) for name, _ in rows)
    lines = [f"{name:{width}}  {what}" for name, what in rows]
    left_out = sum(len(one.left_out) for one in made)
    if left_out:
        lines.append(f"Left out, with the reason in the file: {left_out} operation{'s' * (left_out != 1)}")
    lines += (f"Left out: {one}" for one in more)
    hints = {name: f" ({hint})" for one in made for name, hint in one.hints.items()}
    unset = list(dict.fromkeys(name + hints.get(name, "") for one in made for name in one.unset))
    if unset:
        lines.append(f"Set {', '.join(unset)}; then run: pytest {shlex.quote(_shown(output))}")
    else:
        lines.append(f"Run them: pytest {shlex.quote(_shown(output))}")
    return "\n".join(lines) + "\n"


__all__ = ["Request", "run", "scenarios"]
