"""Every kind of no that the API says: one table, of which answers, descriptions and the manual are made.

RFC 9457 tells problems apart by `type`. Ours are names and not addresses: a receiver answers where no page
can be fetched from. They stay as they are from one version to the next; titles and details may change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from promethios.receiver.refusal import Kind, Refusal

#: What every `type` begins with; the problem's code follows (https://www.rfc-editor.org/rfc/rfc4151).
PREFIX: Final = "tag:promethios.dev,2026:problem/"


@dataclass(frozen=True, slots=True)
class Problem:
    """A kind of problem.

    Args:
        code: Its name, for programs.
        kind: Its status, and whether trying again may help.
        title: What it is, in a few words.
        meaning: When it is said.
        advice: What to do.
    """

    code: str
    kind: Kind
    title: str
    meaning: str
    advice: str

    @property
    def type(self) -> str:
        """What RFC 9457 calls its type."""
        return PREFIX + self.code


_ALL: Final = (
    Problem(
        "malformed",
        Kind.UNDECODABLE,
        "It cannot be read",
        "The request or its body is not what this address takes.",
        "Mend what `detail` names. Sending it again as it is will not help.",
    ),
    Problem(
        "bad-parameter",
        Kind.UNDECODABLE,
        "A parameter cannot be used",
        "A parameter of a question is not known here, or its value is none that it takes.",
        "`detail` names the parameter and what it takes; /api/v1/openapi.json has all of them.",
    ),
    Problem(
        "bad-cursor",
        Kind.UNDECODABLE,
        "The cursor cannot be used",
        "A cursor was not made by this route, or was made for another `sort`.",
        "Ask for the first page, without `cursor`, and go on with the cursors that come.",
    ),
    Problem(
        "export-too-long",
        Kind.UNDECODABLE,
        "The export would not be whole",
        "An export as CSV or NDJSON would have more rows than one may have.",
        "Ask for a shorter range, or say with `limit` how many rows are enough.",
    ),
    Problem(
        "no-key",
        Kind.UNAUTHENTICATED,
        "There is no valid API key",
        "The request has no key, or one that is unknown, revoked or expired.",
        "Send a valid key as `Authorization: Bearer pmk_…` or `x-api-key`.",
    ),
    Problem(
        "session-ended",
        Kind.UNAUTHENTICATED,
        "The console's session has ended",
        "Twelve hours have passed, its key works no more, or the receiver was started anew.",
        "Sign in to the console again.",
    ),
    Problem(
        "scope-missing",
        Kind.FORBIDDEN,
        "The key may not do this",
        "The key is valid and lacks the scope, or it is another's to decide.",
        "Use a key that has the scope that `detail` names.",
    ),
    Problem(
        "cross-site",
        Kind.FORBIDDEN,
        "Another site's page sent it",
        "A page of another site or port had a browser use the console's session.",
        "Use the console itself, or an API key.",
    ),
    Problem(
        "not-found",
        Kind.NOT_FOUND,
        "There is no such thing",
        "Nothing has this address, or what it names does not exist for this key.",
        "Look it up in the list that `detail` names.",
    ),
    Problem(
        "wrong-method",
        Kind.WRONG_METHOD,
        "The method is not possible here",
        "The address exists and takes other methods.",
        "Use one of those in the header `Allow`.",
    ),
    Problem(
        "conflict",
        Kind.CONFLICT,
        "It is not in the state for that",
        "What should be changed is as it was to become, or cannot become so now.",
        "Look at how it is, then decide.",
    ),
    Problem(
        "too-large",
        Kind.TOO_LARGE,
        "It is too large",
        "The body, unpacked, is larger than the limit, or has more items than may be.",
        "Send smaller batches, or raise `max_body_bytes` or `max_items`.",
    ),
    Problem(
        "unsupported",
        Kind.UNSUPPORTED,
        "It comes in a form that is not taken",
        "The content type or encoding is another than this address takes.",
        "Send what `detail` names: protobuf or JSON, plain or in gzip.",
    ),
    Problem(
        "quota-used-up",
        Kind.TOO_MANY,
        "The tenant's quota is used up",
        "The tenant has sent as much in this minute as it may.",
        "Try again after `Retry-After` seconds; send less, or ask the operator for a larger quota.",
    ),
    Problem(
        "too-many-attempts",
        Kind.TOO_MANY,
        "Too many wrong keys",
        "Too many requests without a valid key came from this network or with this key's id.",
        "Mend the key that is sent. A valid one is let in at any time.",
    ),
    Problem(
        "head-too-large",
        Kind.HEADERS_TOO_LARGE,
        "The request's head is too large",
        "Its address and headers are longer than 64 KiB.",
        "Ask with fewer or shorter parameters.",
    ),
    Problem(
        "unavailable",
        Kind.UNAVAILABLE,
        "Not now",
        "The database is busy, held or full, or the receiver is ending. Nothing was stored.",
        "Keep what was sent, and try again after `Retry-After` seconds; the log says more.",
    ),
    Problem(
        "overloaded",
        Kind.UNAVAILABLE,
        "Too much at once",
        "So much waits or is written already that this would be too much.",
        "Try again after `Retry-After` seconds.",
    ),
    Problem(
        "question-too-long",
        Kind.UNAVAILABLE,
        "The question took too long",
        "An answer was not found in the time that a question may take.",
        "Ask for a shorter range, or with filters.",
    ),
)

#: Every problem by its code.
PROBLEMS: Final[Mapping[str, Problem]] = {each.code: each for each in _ALL}
#: What a refusal is that says its kind only.
_USUAL: Final = {each.kind: each for each in reversed(_ALL)}


def problem_of(refusal: Refusal) -> Problem:
    """Which problem a refusal is."""
    if refusal.code:
        return PROBLEMS[refusal.code]
    if refusal.crowded and refusal.kind is Kind.UNAVAILABLE:
        return PROBLEMS["overloaded"]
    return _USUAL[refusal.kind]
