"""Guarded generators: decided before their body runs, inspected as they give, in nobody else's context."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from typing import Any

import anyio
import pytest
from opentelemetry import context as otel
from opentelemetry import trace
from opentelemetry.trace import StatusCode
from tests.support.governed import CARD, Traced

from promethios.governance import Governor, PolicyViolation

KEY = "AKIAIOSFODNN7EXAMPLQ"


def told(traced: Traced, point: str) -> list[str]:
    """What was enforced at a point."""
    return [
        str(span.attributes["promethios.decision.enforced"])
        for span in traced.decisions
        if span.attributes["promethios.decision.point"] == point
    ]


def wait_for(condition: Callable[[], Any]) -> None:
    """Wait until what another thread does is done."""
    done = threading.Event()
    for _ in range(500):
        if condition():
            return
        done.wait(0.01)
    raise AssertionError("it did not happen in 5 s")


async def gathered(values: AsyncIterator[Any]) -> list[Any]:
    """All that an asynchronous generator gives."""
    return [value async for value in values]


def test_a_blocked_generator_never_starts(governor: Governor) -> None:
    ran = []

    @governor.guard("tool")
    def delete_users() -> Iterator[str]:
        ran.append(1)
        yield "gone"

    with pytest.raises(PolicyViolation, match="nothing may be deleted"):
        delete_users()
    assert ran == []


def test_a_blocked_asynchronous_generator_never_starts(governor: Governor) -> None:
    @governor.guard("tool")
    async def delete_users() -> AsyncIterator[str]:
        raise AssertionError("it ran")
        yield ""

    with pytest.raises(PolicyViolation, match="nothing may be deleted"):
        delete_users()


def test_the_body_gets_redacted_arguments(governor: Governor) -> None:
    @governor.guard("tool")
    def words(text: str) -> Iterator[str]:
        yield from text.split(" ")

    assert CARD not in " ".join(words(f"pay {CARD} now"))


def test_yielded_texts_are_one_stream(governor: Governor) -> None:
    @governor.guard("response")
    def answer() -> Iterator[str]:
        yield from f"pay {CARD} now"

    assert "".join(answer()) == "pay [REDACTED:pii.card] now"


def test_asynchronously_yielded_texts_are_one_stream(governor: Governor) -> None:
    @governor.guard("response")
    async def answer() -> AsyncIterator[str]:
        for character in f"pay {CARD} now":
            yield character

    assert "".join(asyncio.run(gathered(answer()))) == "pay [REDACTED:pii.card] now"


def test_bytes_are_texts_and_stay_bytes(governor: Governor) -> None:
    sent = f"data: für {CARD} \n".encode() + b"\xff\xfe"

    @governor.guard("response")
    def answer() -> Iterator[bytes]:
        yield from (sent[at : at + 1] for at in range(len(sent)))

    got = b"".join(answer())
    assert got == sent.replace(CARD.encode(), b"[REDACTED:pii.card]")


def test_other_values_are_decided_one_by_one(governor: Governor) -> None:
    @governor.guard("tool")
    def rows() -> Iterator[dict[str, Any]]:
        yield {"id": 1, "card": CARD}
        yield {"id": 2, "key": KEY}
        raise AssertionError("it went on")

    given = rows()
    assert next(given) == {"id": 1, "card": "[REDACTED:pii.card]"}
    with pytest.raises(PolicyViolation, match="a secret must not leave the tool"):
        next(given)
    assert next(given, "over") == "over"


def test_a_blocked_text_stops_the_body_where_it_is(governor: Governor, traced: Traced) -> None:
    cleaned = []

    @governor.guard("tool")
    def read() -> Iterator[str]:
        try:
            yield from ("the ", "key ", "is ", KEY[:8], KEY[8:], " and ", "more ")
            raise AssertionError("it went on")
        finally:
            cleaned.append(1)

    left = []
    with pytest.raises(PolicyViolation, match=r"tool\.after blocked by policy 'secret-results'"):
        for text in read():
            left.append(text)  # noqa: PERF402 - what came before the violation counts
    assert "".join(left) == "the key is "
    assert cleaned == [1]
    assert told(traced, "tool.after") == ["block"]


def test_the_return_value_and_errors_come_after_what_was_held_back(governor: Governor) -> None:
    @governor.guard("tool")
    def read(fail: bool) -> Generator[str, None, str]:
        yield "a wor"
        yield "d"
        if fail:
            raise KeyError("its own")
        return "returned"

    def delegate(fail: bool) -> Generator[str, None, str]:
        return (yield from read(fail))

    given, out = delegate(False), []
    with pytest.raises(StopIteration) as stopped:
        while True:
            out.append(next(given))
    assert (out, stopped.value.value) == (["a wor", "d"], "returned")
    out, failing = [], read(True)
    with pytest.raises(KeyError, match="its own"):
        out.extend(failing)
    with pytest.raises(StopIteration):
        next(failing)


def test_values_are_sent_to_the_yield_that_waits_for_them(governor: Governor) -> None:
    @governor.guard("tool")
    def talk(first: str) -> Generator[str, str | None, None]:
        reply: str | None = first
        while reply:
            reply = yield f"you said {reply}"

    given = talk("one")
    assert next(given) == "you said one"
    assert given.send("two") == "you said two"
    assert given.send(f"pay {CARD}") == "you said pay [REDACTED:pii.card]"
    with pytest.raises(StopIteration):
        given.send("")


def test_an_exception_is_thrown_where_the_body_waits(governor: Governor) -> None:
    @governor.guard("tool")
    def patient() -> Generator[str, str, None]:
        try:
            yield "one"
        except KeyError:
            yield "caught"

    given = patient()
    assert next(given) == "one"
    assert given.throw(KeyError("x")) == "caught"
    with pytest.raises(ValueError, match="the body does not know it"):
        given.throw(ValueError("the body does not know it"))


def test_asynchronous_values_are_sent_thrown_and_closed(governor: Governor, traced: Traced) -> None:
    closed = []

    @governor.guard("tool")
    async def talk() -> AsyncGenerator[str, str]:
        try:
            reply = yield "one"
            try:
                yield f"you said {reply}"
            except KeyError:
                yield "caught"
        finally:
            closed.append(1)

    async def use() -> list[Any]:
        given = talk()
        out = [await given.__anext__(), await given.asend("two"), await given.athrow(KeyError("x"))]
        await given.aclose()
        return out

    assert asyncio.run(use()) == ["one", "you said two", "caught"]
    assert closed == [1]
    assert told(traced, "tool.after") == ["allow"]


def test_no_context_is_held_across_a_yield(governor: Governor, traced: Traced) -> None:
    inside = []

    @governor.guard("tool")
    def read() -> Iterator[int]:
        for number in range(3):
            inside.append(trace.get_current_span().get_span_context().span_id)
            yield number

    with traced.provider.get_tracer("app").start_as_current_span("request") as request:
        with governor.conversation("c-1"):
            given = read()
        here = otel.get_current()
        for _ in given:
            assert otel.get_current() is here
            assert trace.get_current_span() is request
    (span,) = traced.spans("execute_tool read")
    assert set(inside) == {span.context.span_id}
    assert span.parent is not None and span.parent.span_id == request.get_span_context().span_id
    assert {d.attributes["gen_ai.conversation.id"] for d in traced.decisions} == {"c-1"}


def test_interleaved_generators_keep_apart(governor: Governor, traced: Traced) -> None:
    seen: dict[str, set[int]] = {"a": set(), "b": set()}

    async def body(name: str) -> AsyncIterator[int]:
        for number in range(5):
            seen[name].add(trace.get_current_span().get_span_context().span_id)
            await asyncio.sleep(0)
            yield number

    async def use() -> None:
        a, b = (governor.guard("tool", name=name)(body)(name) for name in "ab")
        for _ in range(5):
            await a.__anext__()
            await b.__anext__()
        await a.aclose()
        await b.aclose()

    asyncio.run(use())
    assert all(len(ids) == 1 for ids in seen.values())
    assert seen["a"] != seen["b"]


def test_steps_in_other_threads_and_contexts_are_well(governor: Governor, traced: Traced) -> None:
    """As Starlette iterates: each step of a sync generator in a thread of a pool, with a copied context."""

    @governor.guard("tool")
    def read() -> Iterator[str]:
        yield from ("one ", "two ", f"{CARD} ", "three")

    async def use() -> str:
        given, out = read(), []
        while (text := await anyio.to_thread.run_sync(next, given, None)) is not None:
            out.append(text)
        return "".join(out)

    assert asyncio.run(use()) == "one two [REDACTED:pii.card] three"
    assert told(traced, "tool.after") == ["redact"]


def test_a_cancelled_step_is_told_and_cancelled(governor: Governor, traced: Traced) -> None:
    @governor.guard("tool")
    async def read() -> AsyncIterator[str]:
        yield "one two "
        await asyncio.sleep(60)
        yield "never"

    async def use() -> None:
        async with asyncio.timeout(0.05):
            await gathered(read())

    with pytest.raises(TimeoutError):
        asyncio.run(use())
    assert told(traced, "tool.after") == ["allow"]
    assert len(traced.spans("execute_tool read")) == 1


@pytest.mark.parametrize("started", [True, False])
def test_an_abandoned_generator_is_told_once(governor: Governor, traced: Traced, started: bool) -> None:
    @governor.guard("tool")
    def read() -> Iterator[str]:
        yield from ("one ", f"{CARD} ", "two ", "three ")

    given = read()
    if started:
        assert [next(given), next(given)] == ["one ", "[REDACTED:pii.card] "]
    gc.disable()
    try:
        del given  # nothing refers to itself: no collector is needed
        wait_for(lambda: traced.spans("execute_tool read"))
    finally:
        gc.enable()
    assert told(traced, "tool.after") == ["redact" if started else "allow"]


def test_an_abandoned_asynchronous_generator_is_told_once(governor: Governor, traced: Traced) -> None:
    cleaned = []

    @governor.guard("tool")
    async def read() -> AsyncIterator[str]:
        try:
            for word in ("one ", "two ", "three "):
                yield word
        finally:
            cleaned.append(1)

    async def use() -> None:
        async for _ in read():
            break

    asyncio.run(use())
    wait_for(lambda: traced.spans("execute_tool read"))
    assert cleaned == [1]
    assert told(traced, "tool.after") == ["allow"]


def test_closing_ends_the_span_and_the_body(governor: Governor, traced: Traced) -> None:
    @governor.guard("tool")
    def read() -> Iterator[str]:
        yield from ("one ", "two ", "three ")

    given = read()
    next(given)
    given.close()
    given.close()
    assert len(traced.spans("execute_tool read")) == 1
    assert list(given) == []


def test_what_the_body_raises_is_an_error_on_its_span(governor: Governor, traced: Traced) -> None:
    @governor.guard("tool")
    def read() -> Iterator[str]:
        yield "one"
        raise KeyError("its own")

    with pytest.raises(KeyError):
        list(read())
    (span,) = traced.spans("execute_tool read")
    assert span.status.status_code is StatusCode.ERROR


def test_a_call_within_the_body_belongs_to_it(governor: Governor, traced: Traced) -> None:
    @governor.guard("tool")
    def read() -> Iterator[str]:
        with governor.guard("tool", name="inner"):
            yield "one"

    assert list(read()) == ["one"]
    (outer,) = traced.spans("execute_tool read")
    (inner,) = traced.spans("execute_tool inner")
    assert inner.parent is not None and inner.parent.span_id == outer.context.span_id


def test_a_function_that_gives_a_context_manager_is_guarded(governor: Governor, traced: Traced) -> None:
    order = []

    @governor.guard("tool")
    @contextlib.contextmanager
    def opened(name: str) -> Iterator[dict[str, str]]:
        order.append("open")
        try:
            yield {"name": name, "card": CARD}
        finally:
            order.append("close")

    with opened("x") as got:
        assert got == {"name": "x", "card": "[REDACTED:pii.card]"}
        order.append("use")
    with pytest.raises(KeyError), opened("y"):
        raise KeyError("the caller's own")
    assert order == ["open", "use", "close", "open", "close"]
    assert told(traced, "tool.before") == ["allow", "allow"]


def test_a_blocked_context_manager_is_never_entered(governor: Governor) -> None:
    @governor.guard("tool")
    @contextlib.asynccontextmanager
    async def delete_all() -> AsyncIterator[None]:
        raise AssertionError("it ran")
        yield

    async def use() -> None:
        async with delete_all():
            raise AssertionError("the body ran")

    with pytest.raises(PolicyViolation):
        asyncio.run(use())


def test_an_asynchronous_context_manager_gives_what_is_redacted(governor: Governor) -> None:
    @governor.guard("tool")
    @contextlib.asynccontextmanager
    async def opened() -> AsyncIterator[str]:
        yield f"pay {CARD}"

    async def use() -> str:
        async with opened() as got:
            return got

    assert asyncio.run(use()) == "pay [REDACTED:pii.card]"


def test_a_method_that_yields_is_guarded(governor: Governor) -> None:
    class Desk:
        @governor.guard("tool")
        def notes(self, prefix: str) -> Iterator[str]:
            yield f"{prefix} {type(self).__name__}"

    assert list(Desk().notes(f"pay {CARD}")) == ["pay [REDACTED:pii.card] Desk"]
