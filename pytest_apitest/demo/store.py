"""The memory of one demo application: quotes, jobs and counters.

Rules kept here:
- values are immutable; a change replaces the value and counts up its edition;
- what happens by itself (publication, the progress of a job) is worked out from the clock when somebody
  looks, so nothing runs in the background and nothing is left over at the end.
"""

import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

STATES = ("draft", "published", "rejected")
FORBIDDEN = "forbidden"


@dataclass(frozen=True, slots=True)
class Quote:
    """A quote as it is stored.

    Args:
        id: its number.
        created: when it was created.
        due: when it is published or rejected.
        author: who said it.
        text: what was said.
        tags: words to find it by.
        lang: its language.
        state: one of `STATES`.
        published: when it was published.
        edition: counts the changes by clients.

    """

    id: int
    created: datetime
    due: datetime
    author: str
    text: str
    tags: tuple[str, ...] = ()
    lang: str = "en"
    state: str = "draft"
    published: datetime | None = None
    edition: int = 1

    @property
    def path(self) -> str:
        """Where the quote is found."""
        return f"/quotes/{self.id}"

    @property
    def edit_tag(self) -> str:
        """Stands for what clients wrote; publication does not change it."""
        written = [
            self.id,
            self.created.isoformat(),
            self.edition,
            self.author,
            self.text,
            self.tags,
            self.lang,
        ]
        return hashlib.sha256(json.dumps(written).encode()).hexdigest()[:16]

    @property
    def etag(self) -> str:
        """Stands for the whole representation, state included; strong."""
        return f'"{self.edit_tag}-{self.state}"'

    def as_json(self) -> dict[str, Any]:
        """Return the representation."""
        return {
            "id": self.id,
            "url": self.path,
            "author": self.author,
            "text": self.text,
            "tags": list(self.tags),
            "lang": self.lang,
            "state": self.state,
            "created": rfc3339(self.created),
            "published": rfc3339(self.published) if self.published else None,
        }

    def settled(self, now: datetime) -> "Quote":
        """Return the quote in the state it has reached by now."""
        if self.state != "draft" or now < self.due:
            return self
        if FORBIDDEN in self.text.lower():
            return replace(self, state="rejected")
        return replace(self, state="published", published=self.due)

    def is_matched_by(self, if_match: str) -> bool:
        """Tell whether an `If-Match` field names what is stored.

        Publication is no edit, so an entity tag from before it still matches: a client that creates, waits
        and changes is not told that somebody else was faster.
        """
        if if_match.strip() == "*":
            return True
        return any(f'"{self.edit_tag}-{state}"' in strong_tags(if_match) for state in STATES)


@dataclass(frozen=True, slots=True)
class Job:
    """Work that takes a moment.

    Args:
        id: its key.
        kind: `portrait`, `succeed` or `fail`.
        created: when it was asked for.
        seconds: how long it takes.
        result: what it will have found.

    """

    id: str
    kind: str
    created: datetime
    seconds: float
    result: Mapping[str, Any]

    @property
    def path(self) -> str:
        """Where the job is found."""
        return f"/jobs/{self.id}"

    def as_json(self, now: datetime) -> dict[str, Any]:
        """Return the representation at a moment."""
        passed = (now - self.created).total_seconds()
        ends = self.created + timedelta(seconds=self.seconds)
        state = "waiting" if passed < self.seconds / 3 else "running"
        if passed >= self.seconds:
            state = "failed" if self.kind == "fail" else "done"
        return {
            "id": self.id,
            "url": self.path,
            "kind": self.kind,
            "state": state,
            "created": rfc3339(self.created),
            "finished": rfc3339(ends) if state in {"done", "failed"} else None,
            "result": dict(self.result) if state == "done" else None,
            "error": "this job was made to fail" if state == "failed" else None,
        }


@dataclass(slots=True)
class Store:
    """Everything that `POST /reset` empties.

    Args:
        publication_delay: seconds to the publication of a quote.
        job_delay: seconds that a job takes.

    """

    publication_delay: float
    job_delay: float
    quotes: dict[int, Quote] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)
    last_id: int = 0

    def create_quote(self, fields: Mapping[str, Any]) -> Quote:
        """Store a new quote."""
        self.last_id += 1
        now = now_utc()
        due = now + timedelta(seconds=self.publication_delay)
        quote = _with_fields(Quote(self.last_id, now, due, "", ""), fields)
        self.quotes[quote.id] = quote
        return quote

    def quote(self, key: str) -> Quote | None:
        """Return a quote in the state it has reached, None when there is none with this key."""
        if not re.fullmatch("[1-9][0-9]{0,17}", key) or int(key) not in self.quotes:
            return None
        quote = self.quotes[int(key)].settled(now_utc())
        self.quotes[quote.id] = quote
        return quote

    def all_quotes(self) -> list[Quote]:
        """Return all quotes in the order of their creation."""
        now = now_utc()
        self.quotes = {key: quote.settled(now) for key, quote in self.quotes.items()}
        return list(self.quotes.values())

    def change_quote(self, quote: Quote, fields: Mapping[str, Any]) -> Quote:
        """Replace fields of a quote."""
        changed = _with_fields(replace(quote, edition=quote.edition + 1), fields)
        self.quotes[quote.id] = changed
        return changed

    def create_job(self, kind: str, result: Mapping[str, Any]) -> Job:
        """Start a job."""
        job = Job(str(uuid.uuid4()), kind, now_utc(), self.job_delay, result)
        self.jobs[job.id] = job
        return job

    def clear(self) -> None:
        """Forget everything; numbers begin at 1 again."""
        self.quotes.clear()
        self.jobs.clear()
        self.attempts.clear()
        self.last_id = 0


STORE: web.AppKey[Store] = web.AppKey("store", Store)


def now_utc() -> datetime:
    """Return the current time."""
    return datetime.now(UTC)


def rfc3339(moment: datetime) -> str:
    """Write a time as RFC 3339 says, in UTC with milliseconds."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def strong_tags(text: str) -> list[str]:
    """Return the strong entity tags of an `If-Match` field, with their quotes."""
    return [tag for weak, tag in _entity_tags(text) if not weak]


def all_tags(text: str) -> list[str]:
    """Return the entity tags of an `If-None-Match` field, which compares weakly."""
    return [tag for _, tag in _entity_tags(text)]


def _entity_tags(text: str) -> list[tuple[str, str]]:
    return re.findall(r'(W/)?("[^"]*")', text)


def _with_fields(quote: Quote, fields: Mapping[str, Any]) -> Quote:
    known = {name: fields[name] for name in ("author", "text", "lang") if name in fields}
    if "tags" in fields:
        known["tags"] = tuple(fields["tags"])
    return replace(quote, **known)
