"""Seven agents' afternoon, told to a receiver in OTLP: what pictures of the dashboards are made of.

The same every time but for the moment at which it ends. Each agent has a character: one breaks rules, one
falls silent now and then, one said goodbye, one is watched by policies in shadow.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import Any, Final

from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from tests.support.characters import FLEET, POLICIES, Character, Policy
from tests.support.otlp import (
    decision_span,
    gauge,
    logs_request,
    metrics_request,
    record,
    span,
    trace_request,
)
from tests.support.receiver import RunningReceiver

SECOND: Final = 1_000_000_000
_BATCH: Final = 2_000


def tell(receiver: RunningReceiver, hours: float = 6.0) -> None:
    """Tell a receiver the last `hours` of all agents, until now."""
    end = time.time_ns()
    for number, character in enumerate(FLEET):
        _Teller(receiver, character, end, hours, random.Random(number)).tell()


def beat(receiver: RunningReceiver) -> None:
    """Have every agent that did not say goodbye send a heartbeat now."""
    for number, character in enumerate(FLEET):
        if not character.stops:
            _Teller(receiver, character, time.time_ns(), 1, random.Random(number)).beat()


class _Teller:
    """Tells what one agent did."""

    def __init__(
        self, receiver: RunningReceiver, character: Character, end: int, hours: float, chance: random.Random
    ) -> None:
        self._receiver = receiver
        self._character = character
        self._length = int(hours * 3_600 * SECOND)
        self._start = end - self._length
        self._end = end
        self._chance = chance
        self._seq = 0
        self._resource = {
            "service.name": character.name,
            "service.instance.id": f"{character.name}-1",
            "owner": character.owner,
        }

    def tell(self) -> None:
        """Everything, oldest first."""
        spans: list[Span] = []
        for at in self._moments():
            spans += self._run(at)
            if len(spans) > _BATCH:
                self._send("/v1/traces", trace_request(*spans, resource=self._resource))
                spans = []
        self._send("/v1/traces", trace_request(*spans, resource=self._resource))
        self._send("/v1/metrics", metrics_request(*self._heartbeats(), resource=self._resource))
        self._send("/v1/logs", logs_request(*self._lines(), resource=self._resource))

    def beat(self) -> None:
        """One heartbeat, of now."""
        self._send(
            "/v1/metrics", metrics_request(gauge("promethios.agent.heartbeat", 1), resource=self._resource)
        )

    def _send(self, path: str, request: Any) -> None:
        answer = self._receiver.post(path, request.SerializeToString())
        assert answer.status == 200, answer.body

    def _part(self, at: int) -> float:
        return (at - self._start) / self._length

    def _silent(self, at: int) -> bool:
        return any(begin <= self._part(at) < end for begin, end in self._character.silences)

    def _moments(self) -> Iterator[int]:
        """When it runs: more in the middle of the range than at its ends, not while it is silent."""
        at = self._start
        while at < self._end - 20 * SECOND:
            if not self._silent(at):
                yield at
            busy = 0.6 + 0.8 * (1 - abs(2 * self._part(at) - 1))
            at += int(self._chance.expovariate(busy / self._character.every) * SECOND) + SECOND

    def _heartbeats(self) -> Iterator[Any]:
        beats = [at for at in range(self._start, self._end, 30 * SECOND) if not self._silent(at)]
        for number, at in enumerate(beats):
            last = self._character.stops and number == len(beats) - 1
            yield gauge("promethios.agent.heartbeat", 0 if last else 1, time_unix_nano=at)

    def _lines(self) -> Iterator[Any]:
        for at in range(self._start, self._end, 600 * SECOND):
            when = at + self._chance.randrange(500) * SECOND
            if when < self._end and not self._silent(when):
                worse = self._chance.random() < 0.2
                body = "upstream answered slowly" if worse else "conversation closed"
                yield record(body, time_unix_nano=when, severity_number=13 if worse else 9)

    def _met(self, at: int, point: str) -> Policy | None:
        more = 4.0 if self._part(at) > self._character.spoilt else 1.0
        for name, often in self._character.breaks.items():
            if POLICIES[name].point == point and self._chance.random() < often * more:
                return POLICIES[name]
        return None

    def _run(self, at: int) -> list[Span]:
        """One run: the agent, two calls of its model, one or two of its tools, each with its decision."""
        trace, root = self._chance.randbytes(16), self._chance.randbytes(8)
        who = {"gen_ai.agent.name": self._character.name, "gen_ai.conversation.id": f"c-{trace.hex()[:6]}"}
        found: list[Span] = []
        now = at + 20_000_000
        for kind in ("model", *["tool"] * self._chance.randint(1, 2), "model"):
            now = self._operation(found, kind, trace, root, now, who)
        found.append(
            span(
                f"invoke_agent {self._character.name}",
                {**who, "gen_ai.operation.name": "invoke_agent"},
                trace_id=trace, span_id=root, start_time_unix_nano=at, end_time_unix_nano=now + 5_000_000,
            )
        )  # fmt: skip
        return found

    def _operation(
        self, found: list[Span], kind: str, trace: bytes, parent: bytes, at: int, who: dict[str, str]
    ) -> int:
        """Add an operation and its decision; return when it ended."""
        met = self._met(at, f"{kind}.before") or self._met(at, f"{kind}.after")
        tool = (met.tool if met else "") or self._chance.choice(self._character.tools)
        name, attributes = self._named(kind, tool)
        stopped = met is not None and met.action == "block" and met.mode == "enforce"
        took = int(self._chance.lognormvariate(6.6 if kind == "model" else 5.2, 0.6) * 1e6)
        ended = at + (400_000 if stopped else took)
        own = self._chance.randbytes(8)
        status = Status(code=Status.STATUS_CODE_ERROR, message="PolicyViolation") if stopped else None
        found.append(
            span(
                name, {**who, **attributes, "service.instance.id": f"{self._character.name}-1"},
                trace_id=trace, span_id=own, parent_span_id=parent, start_time_unix_nano=at,
                end_time_unix_nano=ended, status=status,
            )
        )  # fmt: skip
        if met is not None or self._chance.random() >= self._character.ungoverned:
            found.append(self._decision(kind, met, trace, own, at, {**who, **attributes}))
        return ended + 3_000_000

    def _named(self, kind: str, tool: str) -> tuple[str, dict[str, Any]]:
        if kind == "tool":
            return f"execute_tool {tool}", {
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": tool,
            }
        model = self._character.model
        return f"chat {model}", {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "anthropic" if model.startswith("claude") else "openai",
            "gen_ai.request.model": model,
            "gen_ai.usage.input_tokens": self._chance.randint(200, 4_000),
            "gen_ai.usage.output_tokens": self._chance.randint(40, 700),
        }

    def _decision(
        self, kind: str, met: Policy | None, trace: bytes, parent: bytes, at: int, about: dict[str, Any]
    ) -> Span:
        self._seq += 1
        version = "2026.11.2" if self._part(at) > 0.45 else "2026.11.1"
        verdict = met.action if met else "allow"
        took = self._chance.lognormvariate(4.2, 0.5)
        told = {
            **{name: what for name, what in about.items() if "usage" not in name},
            "promethios.decision.id": self._chance.randbytes(16).hex(),
            "promethios.decision.seq": self._seq,
            "promethios.decision.point": met.point if met else f"{kind}.before",
            "promethios.decision.enforced": "allow" if met and met.mode == "shadow" else verdict,
            "promethios.decision.mode": met.mode if met else "enforce",
            "promethios.decision.duration_us": took,
            "promethios.bundle.name": "baseline",
            "promethios.bundle.version": version,
            "promethios.bundle.hash": version.encode().hex().ljust(64, "0"),
            "service.instance.id": f"{self._character.name}-1",
        }
        matches = (met.match(version),) if met else ()
        return decision_span(
            verdict, matches, told,
            trace_id=trace, span_id=self._chance.randbytes(8), parent_span_id=parent,
            start_time_unix_nano=at + 20_000, end_time_unix_nano=at + 20_000 + int(took * 1_000),
        )  # fmt: skip
