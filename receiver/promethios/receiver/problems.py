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


@dataclass(frozen=True, slots=True, kw_only=True)
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
        code="malformed",
        kind=Kind.UNDECODABLE,
        title="It cannot be read",
        meaning="The request or its body is not what this address takes.",
        advice="Mend what `detail` names. Sending it again as it is will not help.",
    ),
    Problem(
        code="bad-parameter",
        kind=Kind.UNDECODABLE,
        title="A parameter cannot be used",
        meaning="A parameter of a question is not known here, or its value is none that it takes.",
        advice="`detail` names the parameter and what it takes; /api/v1/openapi.json has all of them.",
    ),
    Problem(
        code="bad-cursor",
        kind=Kind.UNDECODABLE,
        title="The cursor cannot be used",
        meaning="A cursor was not made by this route, or was made for another `sort`.",
        advice="Ask for the first page, without `cursor`, and go on with the cursors that come.",
    ),
    Problem(
        code="export-too-long",
        kind=Kind.UNDECODABLE,
        title="The export would not be whole",
        meaning="An export as CSV or NDJSON would have more rows than one may have.",
        advice="Ask for a shorter range, or say with `limit` how many rows are enough.",
    ),
    Problem(
        code="no-key",
        kind=Kind.UNAUTHENTICATED,
        title="There is no valid API key",
        meaning="The request has no key, or one that is unknown, revoked or expired.",
        advice="Send a valid key as `Authorization: Bearer pmk_…` or `x-api-key`.",
    ),
    Problem(
        code="session-ended",
        kind=Kind.UNAUTHENTICATED,
        title="The console's session has ended",
        meaning="Twelve hours have passed, its key works no more, or the receiver was started anew.",
        advice="Sign in to the console again.",
    ),
    Problem(
        code="scope-missing",
        kind=Kind.FORBIDDEN,
        title="The key may not do this",
        meaning="The key is valid and lacks the scope, or it is another's to decide.",
        advice="Use a key that has the scope that `detail` names.",
    ),
    Problem(
        code="cross-site",
        kind=Kind.FORBIDDEN,
        title="Another site's page sent it",
        meaning="A page of another site or port had a browser use the console's session.",
        advice="Use the console itself, or an API key.",
    ),
    Problem(
        code="not-found",
        kind=Kind.NOT_FOUND,
        title="There is no such thing",
        meaning="Nothing has this address, or what it names does not exist for this key.",
        advice="Look it up in the list that `detail` names.",
    ),
    Problem(
        code="wrong-method",
        kind=Kind.WRONG_METHOD,
        title="The method is not possible here",
        meaning="The address exists and takes other methods.",
        advice="Use one of those in the header `Allow`.",
    ),
    Problem(
        code="conflict",
        kind=Kind.CONFLICT,
        title="It is not in the state for that",
        meaning="What should be changed is as it was to become, or cannot become so now.",
        advice="Look at how it is, then decide.",
    ),
    Problem(
        code="too-large",
        kind=Kind.TOO_LARGE,
        title="It is too large",
        meaning="The body, unpacked, is larger than the limit, or has more items than may be.",
        advice="Send smaller batches, or raise `max_body_bytes` or `max_items`.",
    ),
    Problem(
        code="unsupported",
        kind=Kind.UNSUPPORTED,
        title="It comes in a form that is not taken",
        meaning="The content type or encoding is another than this address takes.",
        advice="Send what `detail` names: protobuf or JSON, plain or in gzip.",
    ),
    Problem(
        code="quota-used-up",
        kind=Kind.TOO_MANY,
        title="The tenant's quota is used up",
        meaning="The tenant has sent as much in this minute as it may.",
        advice="Try again after `Retry-After` seconds; send less, or ask the operator for a larger quota.",
    ),
    Problem(
        code="too-many-attempts",
        kind=Kind.TOO_MANY,
        title="Too many wrong keys",
        meaning="Too many requests without a valid key came from this network or with this key's id.",
        advice="Mend the key that is sent. A valid one is let in at any time.",
    ),
    Problem(
        code="head-too-large",
        kind=Kind.HEADERS_TOO_LARGE,
        title="The request's head is too large",
        meaning="Its address and headers are longer than 64 KiB.",
        advice="Ask with fewer or shorter parameters.",
    ),
    Problem(
        code="unavailable",
        kind=Kind.UNAVAILABLE,
        title="Not now",
        meaning="The database is busy, held or full, or the receiver is ending. Nothing was stored.",
        advice="Keep what was sent, and try again after `Retry-After` seconds; the log says more.",
    ),
    Problem(
        code="overloaded",
        kind=Kind.UNAVAILABLE,
        title="Too much at once",
        meaning="So much waits or is written already that this would be too much.",
        advice="Try again after `Retry-After` seconds.",
    ),
    Problem(
        code="question-too-long",
        kind=Kind.UNAVAILABLE,
        title="The question took too long",
        meaning="An answer was not found in the time that a question may take.",
        advice="Ask for a shorter range, or with filters.",
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
