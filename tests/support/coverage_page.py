"""The page of what is governed where: made of the tests that prove it, and of nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final, NamedTuple

from promethios.governance.operation import POINTS

WHATS: Final = ("seen", "blocked", "redacted")
HOWS: Final = ("sync", "async", "sync stream", "async stream")
ALONE: Final = "processor alone: "

_HEAD: Final = """# What is governed where

Made by the tests: each mark stands for at least one test that passed with the real library, against a
server on the same machine, and a row names the version it passed with. `make coverage-page` makes this
page anew; what no test proves is not marked, even if it works.

*Seen*: decided and told with what identifies the operation. *Blocked*: the call made no request, the tool
did not run, or the answer did not reach the caller. *Redacted*: what a policy takes out is in neither the
call nor the telemetry. The last two columns say which of these are proven for streamed answers and for
`async` calls too.

"""
_ADAPTERS: Final = """## Libraries with an adapter

`instrument_all(governor)`, or `configure(policies=...)`, puts guards around the calls of these.

"""
_ALONE: Final = """
## The span processor alone

Without an adapter a decision knows what the instrumentation's span says when it starts: mostly operation,
provider, model, tool and agent, and no content. What an instrumentation tells only later is decided when
the span has ended: it is seen, and no longer stopped. An instrumentation that catches what is raised
within its own handling makes the call all the same: no mark at *blocked*. Content in the telemetry is
redacted here too; the call itself goes out as it is, so there is no mark at *redacted*.

"""
_COLUMNS: Final = (
    "| {} | Point | Seen | Blocked | Redacted | Streamed | Async |\n|---|---|---|---|---|---|---|\n"
)


class Proof(NamedTuple):
    """One cell: what is proven for a library at a point, and how it was called."""

    library: str
    point: str
    what: str
    how: str


def proof(*said: Any) -> Proof:
    """The proof that a ``proves`` mark names.

    Raises:
        ValueError: The mark says something that the page has no place for.
    """
    found = Proof(*map(str, said))
    for name, value, known in (
        ("point", found.point, POINTS),
        ("what", found.what, WHATS),
        ("how", found.how, HOWS),
    ):
        if value not in known:
            raise ValueError(f"a mark 'proves' has {name} {value!r}: it is one of {', '.join(known)}")
    return found


def render(proofs: Iterable[Proof]) -> str:
    """The page, in Markdown."""
    found = set(proofs)
    found |= {each._replace(what="seen") for each in found}  # what was stopped or changed was seen
    alone = {each for each in found if each.library.startswith(ALONE)}
    named = {each._replace(library=each.library.removeprefix(ALONE)) for each in alone}
    return _HEAD + _ADAPTERS + _table("Library", found - alone) + _ALONE + _table("Instrumentation", named)


def without_versions(page: str) -> str:
    """The page as it reads with any releases of the libraries."""
    lines = (line.split("|") for line in page.splitlines())
    return "\n".join(
        "|".join([cells[0], cells[1].strip().split(" ")[0], *cells[2:]]) if len(cells) > 2 else cells[0]
        for cells in lines
    )


def _table(title: str, proofs: set[Proof]) -> str:
    keys = sorted({(each.library, POINTS.index(each.point)) for each in proofs})
    return _COLUMNS.format(title) + "".join(_row(library, POINTS[point], proofs) for library, point in keys)


def _row(library: str, point: str, proofs: set[Proof]) -> str:
    here = [each for each in proofs if (each.library, each.point) == (library, point)]
    marks = ["●" if any(each.what == what for each in here) else "" for what in WHATS]
    streamed = _whats(each.what for each in here if each.how.endswith("stream"))
    asynchronous = _whats(each.what for each in here if each.how.startswith("async"))
    cells = [f"{library} {_version(library)}", f"`{point}`", *marks, streamed, asynchronous]
    return "| " + " | ".join(cells) + " |\n"


def _whats(found: Iterable[str]) -> str:
    given = set(found)
    return ", ".join(what for what in WHATS if what in given)


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        raise ValueError(
            f"a mark 'proves' names {library!r}, which no installed distribution is called"
        ) from None
