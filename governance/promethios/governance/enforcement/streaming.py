"""A stream of text inspected while it passes: what is blocked never leaves, what is redacted leaves redacted.

Every text is looked at before it is let go, together with what stood before it, so that a value which the
borders of the parts cut is found. The looks are pure (`Governor.peek`); the stream is told once, as one
decision of all that was found: when it is stopped, closed, collected, or at its end.

Three cases, by what the policies at the point could do:

- **No policy decides there**: nothing is kept or looked at; the usage is accounted for at the end.
- **None could stop or redact**: every item passes at once; what was said is kept (a bounded part) and decided
  at the end.
- **Else** an item is let go when its text is complete and looked at. For built-in detectors that is a delay
  of one word; `MARGIN` characters more where user-defined detectors or plug-ins are asked (see `channels`).

Conditions see the text of the channel so far, the last 65,536 characters, as it leaves. Where there are none,
a look is at what is new and the 256 characters before it.
"""

from __future__ import annotations

import logging
import re
from collections import deque
from collections.abc import Hashable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from promethios.governance.decision import Decision, Evidence, Match, Verdict
from promethios.governance.detectors import DETECTORS
from promethios.governance.enforcement.channels import CONTEXT, Channel, Cut, Entry, Piece
from promethios.governance.enforcement.plain import UNREADABLE
from promethios.governance.enforcement.violation import PolicyViolation

if TYPE_CHECKING:
    from promethios.governance.enforcement.call import GovernedCall
    from promethios.governance.policies import Policy

_log = logging.getLogger(__name__)

#: Characters that are held back beside the last word where detectors of unknown shape are asked.
MARGIN: Final = 128
#: As much of a channel as conditions see, and as is kept where nothing could stop the stream, in characters.
KEPT: Final = 65_536

# Before a window, so that one which happens to be JSON is scanned as the text that it is.
_MARK: Final = ". "
_PLACEHOLDER: Final = re.compile(r"\[REDACTED:[^\[\]]*\]")
_MAX_EVIDENCE: Final = 32


class StreamInspector:
    """Inspects one stream of a governed call. Not for several threads at once, as a stream is not.

    Args:
        call: The call whose answer the stream is, decided and made.
        field: What its text is to policies: ``output``, or a tool's ``result``.
    """

    def __init__(self, call: GovernedCall, field: str = "output") -> None:
        self._call, self._field = call, field
        policies = call.listeners()
        self._listens = bool(policies)
        self._acts = any(map(_could_act, policies))
        self._margin = MARGIN if any(map(_asks_unknown, policies)) else 0
        self._remembered = KEPT if any(policy.when for policy in policies) else CONTEXT
        self._channels: dict[tuple[Hashable, ...], Channel] = {}
        self._queue: deque[Entry] = deque()
        self._kept: list[str] = []
        self._kept_length = 0
        #: Whether the stream was told.
        self.told = False
        self._found = _Findings()
        #: What the operation used, by the names of the conventions; add to it as the stream tells it.
        self.usage: dict[str, Any] = {}

    def feed(self, item: Any, pieces: Iterable[Piece] = ()) -> list[Any]:
        """Take the next item of the stream and its texts, and give the items that may leave now, in order.

        Raises:
            PolicyViolation: The stream is stopped; nothing that was held back may leave.
        """
        if not self._acts:
            for piece in pieces:
                self._keep(piece.text)
            return [item]
        if self.told:  # it was stopped or closed
            return []
        entry = Entry(item)
        self._queue.append(entry)
        for piece in pieces:
            if piece.text:
                channel = self._channel(piece.channel)
                channel.add(piece, entry)
                self._look(channel)
        return self._cleared()

    def end(self, channels: tuple[Hashable, ...] | None = None) -> list[Any]:
        """Say that the stream has ended, or with the start of a key, that those channels have.

        Raises:
            PolicyViolation: What was held back may not leave.
        """
        if channels is not None:
            for key, channel in self._channels.items():
                if channel.pending and key[: len(channels)] == channels:
                    self._look(channel, ending=True)
            return self._cleared()
        if self._acts and not self.told:
            for channel in list(self._channels.values()) or [self._channel(())]:
                self._look(channel, ending=True)
        released = self._cleared()
        self.close()
        return released

    def whole(self, content: Any) -> Any:
        """A content that says once more what the parts said, redacted as they were.

        Raises:
            PolicyViolation: The stream is stopped.
        """
        if not self._acts:
            return content
        decision = self._call.peek(self.usage, **{self._field: content})
        self._found.add_new(decision)
        if decision.enforced.stops:
            self._stop()
        return decision.payload.get(self._field, content)

    def unreadable(self) -> None:
        """Say that a part could not be read: policies that look there answer by their ``onError``.

        Raises:
            PolicyViolation: One of them stops the stream.
        """
        if self._listens:
            self.whole(UNREADABLE)

    def close(self) -> None:
        """Tell the stream as far as it went. What was held back never left. Any number of times."""
        if self.told:
            return
        self.told = True
        said = {self._field: "".join(self._kept) or None}
        if not self._acts:
            self._call.observe(self.usage, **said)
            return
        if self._found.first is None:
            self._found.first = self._call.peek(self.usage)
        self._call.conclude(self._found.decision(), self.usage, **said)

    def _keep(self, text: str) -> None:
        if self._listens and self._kept_length < KEPT:
            self._kept.append(text)
            self._kept_length += len(text)

    def _channel(self, key: tuple[Hashable, ...]) -> Channel:
        channel = self._channels.get(key)
        if channel is None:
            number = len(self._channels)
            path = f"{self._field}[{number}]" if number else self._field
            channel = self._channels[key] = Channel(path, self._margin, self._remembered)
        return channel

    def _look(self, channel: Channel, *, ending: bool = False) -> None:
        """Decide what of the channel is complete, and let go what may leave."""
        size = len(channel.pending)
        cut = size if ending else channel.complete()
        if not (ending or channel.may_leave(cut)):
            return
        window = _MARK + channel.context + channel.pending[:cut]
        before = len(window) - cut
        decision = self._call.peek(self.usage, **{self._field: window})
        if decision.enforced.stops:
            self._found.add(decision, channel, before, -before, cut)
            self._stop()
        cuts = _cuts(decision, self._field, window, before)
        boundary = size if ending else channel.boundary(cut, cuts)
        self._found.add(decision, channel, before, 0, boundary)
        self._keep(channel.release(boundary, cuts))

    def _cleared(self) -> list[Any]:
        items = []
        while self._queue and not self._queue[0].left:
            items.append(self._queue.popleft().item)
        return items

    def _stop(self) -> None:
        self.told = True
        self._queue.clear()
        self._channels.clear()
        raise PolicyViolation(self._call.conclude(self._found.decision(), self.usage))


def _could_act(policy: Policy) -> bool:
    acts = policy.action.rank >= Verdict.REDACT.rank or policy.on_error.stops
    return acts and policy.mode == "enforce"


def _asks_unknown(policy: Policy) -> bool:
    return policy.detect is not None and not policy.detect.detectors <= DETECTORS.keys()


def _cuts(decision: Decision, field: str, window: str, before: int) -> list[Cut]:
    """What a look took out of its window, behind its first `before` characters, and what stands there."""
    redacted = decision.payload.get(field, window)
    if redacted is window or redacted == window:
        return []
    spans = _spans(decision, field)
    cuts, position, place = [], 0, 0
    for start, stop in spans:
        place += start - position
        instead = _PLACEHOLDER.match(redacted, place)
        if instead is None:
            break
        cuts.append((start - before, stop - before, instead.group()))
        position, place = stop, instead.end()
    if redacted[place:] != window[position:]:  # more than evidence names: all that is new goes as one
        same = redacted.startswith(window[:before])
        return [(0, len(window) - before, redacted[before:] if same else "[REDACTED:unreadable]")]
    return [cut for cut in cuts if cut[1] > 0]


def _spans(decision: Decision, field: str) -> list[tuple[int, int]]:
    """Where enforced redactions hit, those that overlap as one, as they are replaced."""
    hits = sorted(
        (
            (each.start, each.end)
            for match in decision.matches
            if match.action is Verdict.REDACT and match.mode == "enforce"
            for each in match.evidence
            if each.path == field
        ),
        key=lambda hit: (hit[0], -hit[1]),
    )
    spans: list[tuple[int, int]] = []
    for start, stop in hits:
        if spans and start < spans[-1][1]:
            spans[-1] = (spans[-1][0], max(stop, spans[-1][1]))
        else:
            spans.append((start, stop))
    return spans


class _Findings:
    """What the looks at one stream found, as one decision."""

    def __init__(self) -> None:
        self.first: Decision | None = None
        self._matches: dict[tuple[str, bool], Match] = {}
        self._evidence: dict[tuple[str, bool], dict[tuple[str, str, int], Evidence]] = {}
        self._taken_ns = 0

    def add(self, decision: Decision, channel: Channel, before: int, first: int, last: int) -> None:
        """Take what a look found that ends behind `first` and not behind `last`, at its place."""
        self._start(decision)
        shift = channel.gone - before
        for match in decision.matches:
            placed = [
                replace(each, path=channel.path, start=each.start + shift, end=each.end + shift)
                for each in match.evidence
                if first < each.end - before <= last
            ]
            if placed or not match.evidence:
                self._add(match, placed)

    def add_new(self, decision: Decision) -> None:
        """Take what no look at a part found."""
        self._start(decision)
        for match in decision.matches:
            if (match.policy_id, match.failed) not in self._matches:
                self._add(match, list(match.evidence))

    def decision(self) -> Decision:
        """All of it, as what it was: nothing here stops but what stopped the stream."""
        assert self.first is not None
        matches = [
            replace(match, evidence=tuple(self._evidence[key].values())[:_MAX_EVIDENCE])
            for key, match in self._matches.items()
        ]
        matches.sort(key=lambda match: -match.action.rank)
        verdicts = [match.action for match in matches]
        enforced = [match.action for match in matches if match.mode == "enforce"]
        return replace(
            self.first,
            verdict=max(verdicts, key=lambda each: each.rank, default=Verdict.ALLOW),
            enforced=max(enforced, key=lambda each: each.rank, default=Verdict.ALLOW),
            matches=tuple(matches),
            payload={},
            duration_ns=self._taken_ns,
        )

    def _start(self, decision: Decision) -> None:
        self.first = self.first or decision
        self._taken_ns += decision.duration_ns

    def _add(self, match: Match, placed: list[Evidence]) -> None:
        key = (match.policy_id, match.failed)
        self._matches.setdefault(key, match)
        known = self._evidence.setdefault(key, {})
        for each in placed:
            if len(known) < _MAX_EVIDENCE:
                known[each.detector, each.path, each.start] = each
