"""`coverage.html`: what of the descriptions was exercised, as one page.

Rules kept here:
- the page asks the network for nothing and runs no script; it follows the reader's choice of light or dark;
- the table has headings for rows and columns, and scrolls by itself, with the keyboard too (WCAG 2.2, success
  criteria 1.3.1, 1.4.10 and 2.1.1); the words and numbers say what the colours say;
- texts of a description are texts: no markup, no control characters, cut when they are long.
"""

from collections.abc import Iterable, Iterator

from pytest_apitest.coverage import (
    DescriptionCoverage,
    OperationCoverage,
    PropertyCoverage,
    Share,
    StatusCoverage,
    percent,
)
from pytest_apitest.outcome import RunOutcome
from pytest_apitest.shield import escaped

_LONGEST = 300

_STYLE = """
:root{color-scheme:light dark;--ground:#fff;--ink:#1f2328;--dim:#59636e;--line:#d1d9e0;--link:#0550ae;
--good:#1a6b34;--bad:#b42318;--none:#f3f4f6;--none-ink:#454c54}
@media (prefers-color-scheme:dark){:root{--ground:#14171c;--ink:#e6e9ed;--dim:#a5adb8;--line:#3a414b;--link:#8cc0ff;
--good:#1f7a3d;--bad:#bf3227;--none:#23282f;--none-ink:#c3c9d1}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1rem;max-width:84rem;background:var(--ground);color:var(--ink);
font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.5rem;margin:0 0 .5rem}h2{font-size:1.25rem;margin:2rem 0 .25rem}h3{font-size:1rem;margin:1.5rem 0 .5rem}
p{margin:.25rem 0}.dim{color:var(--dim)}a{color:var(--link)}
.shares{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.5rem;margin:1rem 0;padding:0;
list-style:none}
.shares li{border:1px solid var(--line);border-radius:.5rem;padding:.5rem .75rem}
.shares strong{display:block;font-size:1.4rem}
.bar{display:block;height:.4rem;border-radius:.2rem;background:var(--none);border:1px solid var(--line);overflow:hidden}
.bar i{display:block;height:100%;background:var(--good)}
/* The shade at the right edge moves out of sight where the table ends. */
.scroll{overflow-x:auto;border:1px solid var(--line);border-radius:.5rem;
background:linear-gradient(to left,var(--ground) 1.5rem,transparent) right/4rem 100% no-repeat local,
linear-gradient(to left,var(--dim),transparent) right/1.25rem 100% no-repeat scroll}
table{border-collapse:separate;border-spacing:0;width:100%}
th,td{border-bottom:1px solid var(--line);padding:.3rem .5rem;text-align:center;white-space:nowrap}
tr:last-child>*{border-bottom:0}
th:first-child{position:sticky;left:0;background:var(--ground);text-align:left;font-weight:400;white-space:normal;
min-width:11rem;max-width:45vw}
thead th{font-weight:600}thead th:first-child{font-weight:600}
td{padding:.2rem}
.c{display:block;min-width:2.75rem;padding:.15rem .35rem;border-radius:.25rem;font-variant-numeric:tabular-nums}
.exercised{background:var(--good);color:#fff}.violated{background:var(--bad);color:#fff;font-weight:700}
.missing{background:var(--none);color:var(--none-ink);outline:1px dashed var(--dim);outline-offset:-1px}
.m{font-weight:600}
.key{display:flex;flex-wrap:wrap;align-items:center;
gap:.25rem 1rem;margin:.5rem 0;padding:0;list-style:none;font-size:.9rem}
.key .c{display:inline-block;text-align:center}
details{border:1px solid var(--line);border-radius:.5rem;margin:.35rem 0;padding:.35rem .75rem}
summary{cursor:pointer}
details ul{margin:.25rem 0 .75rem;padding-left:1.25rem}
details li.no{color:var(--ink)}details li{color:var(--dim)}
:focus-visible{outline:3px solid var(--link);outline-offset:2px}
@media (min-width:48rem){th:first-child{min-width:16rem;max-width:26rem}}
@media print{.scroll{overflow:visible}}
""".strip()


def page_of(run: RunOutcome) -> str:
    """Return the text of the page."""
    parts = [
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n",
        f"<title>API coverage</title>\n<style>\n{_STYLE}\n</style>\n</head>\n<body>\n<main>\n<h1>API coverage</h1>\n",
        f'<p class="dim">Run of {_text(run.started)}: {_text(run.verdict)}</p>\n',
    ]
    if run.minimum is not None:
        parts.append(f"<p>{_text(run.minimum.sentence)}</p>\n")
    parts.append(
        '<ul class="key"><li><span class="c exercised">3</span> number of answers</li>'
        '<li><span class="c violated">3 !</span> some were not as described</li>'
        '<li><span class="c missing">0</span> never seen</li><li>empty: not documented</li></ul>\n'
    )
    for number, coverage in enumerate(run.coverage, start=1):
        parts += _description(coverage, number)
    parts.append("</main>\n</body>\n</html>\n")
    return "".join(parts)


def _description(coverage: DescriptionCoverage, number: int) -> Iterator[str]:
    yield f'<section aria-labelledby="d{number}">\n<h2 id="d{number}">{_text(coverage.name)}</h2>\n'
    yield f'<p class="dim">{_text(coverage.file)}</p>\n<ul class="shares">\n'
    shares = coverage.shares
    yield _share("statuses of operations", shares["statuses"])
    yield _share("operations", shares["operations"])
    yield _share("parameters", shares["parameters"])
    yield _share("properties of bodies", shares["properties"])
    yield "</ul>\n"
    if coverage.operations:
        yield from _matrix(coverage, number)
        yield from _folded(coverage, number)
    yield from _undocumented(coverage)
    yield "</section>\n"


def _share(words: str, share: Share) -> str:
    width = share.percent or 0
    count = f"{share.exercised:,} of {share.described:,}" if share.described else "none described"
    return (
        f'<li>{words}<strong>{percent(share)}</strong><span class="dim">{count}</span>'
        f'<span class="bar" aria-hidden="true"><i style="width:{width}%"></i></span></li>\n'
    )


def _matrix(coverage: DescriptionCoverage, number: int) -> Iterator[str]:
    keys = coverage.status_keys
    label = f"Operations and statuses of {_text(coverage.name)}"
    yield f'<h3>Operations and statuses</h3>\n<div class="scroll" role="region" tabindex="0" aria-label="{label}">\n'
    yield '<table>\n<thead><tr><th scope="col">operation</th>'
    for key in keys:
        yield f'<th scope="col">{"default" if key == "DEFAULT" else _text(key)}</th>'
    yield "</tr></thead>\n<tbody>\n"
    for index, operation in enumerate(coverage.operations, start=1):
        name = f'<span class="m">{_text(operation.method)}</span> {_text(operation.path)}'
        yield f'<tr><th scope="row"><a href="#o{number}-{index}">{name}</a></th>'
        for key in keys:
            yield f"<td>{_cell(operation.status(key))}</td>"
        yield "</tr>\n"
    yield "</tbody>\n</table>\n</div>\n"


def _cell(status: StatusCoverage | None) -> str:
    if status is None:
        return ""
    told = f"{status.violations:,} of {status.exercised:,} not as described" if status.violations else ""
    return f'<span class="c {status.word}"' + (f' title="{told}"' if told else "") + f">{status.shown}</span>"


def _folded(coverage: DescriptionCoverage, number: int) -> Iterator[str]:
    yield "<h3>Parameters and properties</h3>\n"
    for index, operation in enumerate(coverage.operations, start=1):
        yield (
            f'<details id="o{number}-{index}"><summary><span class="m">{_text(operation.method)}</span> '
            f'{_text(operation.path)} <span class="dim">{_counts(operation)}</span></summary>\n'
        )
        place = f"{coverage.file}:{operation.line}"
        named = f"{operation.operation_id}, " if operation.operation_id else ""
        yield f'<p class="dim">{_text(named + place)}</p>\n'
        yield from _lists(operation)
        yield "</details>\n"


def _counts(operation: OperationCoverage) -> str:
    parts = [
        f"{sum(met):,} of {len(met):,} {words}"
        for words, met in (
            ("parameters", [one.sent for one in operation.parameters]),
            ("properties", [one.seen for _, one in operation.properties]),
        )
        if met
    ]
    return ", ".join(parts) or "no parameters, no properties"


def _lists(operation: OperationCoverage) -> Iterator[str]:
    parameters = [(f"{one.place} {one.name}", one.sent) for one in operation.parameters]
    yield from _list("Parameters", parameters, "never sent")
    yield from _list("Properties of the request", _pairs(operation.request), "never seen")
    for status in operation.statuses:
        yield from _list(f"Properties of {status.status}", _pairs(status.properties), "never seen")


def _pairs(properties: Iterable[PropertyCoverage]) -> list[tuple[str, bool]]:
    return [(one.path, one.seen) for one in properties]


def _list(title: str, found: list[tuple[str, bool]], never: str) -> Iterator[str]:
    if not found:
        return
    yield f"<p>{_text(title)}</p>\n<ul>\n"
    for name, is_there in found:
        kind, word = ("yes", "") if is_there else ("no", f" <strong>{never}</strong>")
        yield f'<li class="{kind}"><code>{_text(name)}</code>{word}</li>\n'
    yield "</ul>\n"


def _undocumented(coverage: DescriptionCoverage) -> Iterator[str]:
    if not coverage.undocumented:
        return
    yield "<h3>Met, but not described</h3>\n<ul>\n"
    for one in coverage.undocumented:
        name = f"{one.method} {one.path}"
        yield f"<li><code>{_text(name)}</code>: no such {one.what}, {one.status} ({one.exercised:,})</li>\n"
    if coverage.left_out:
        yield f"<li>and {coverage.left_out:,} more exchanges</li>\n"
    yield "</ul>\n"


def _text(text: str) -> str:
    return escaped(text, _LONGEST)
