"""The guard around one operation: a context manager and a decorator, sync and async."""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from promethios.governance import semconv
from promethios.governance.decision import Decision
from promethios.governance.enforcement.ambient import ambient_attributes, subject_of
from promethios.governance.enforcement.arguments import CallArguments
from promethios.governance.enforcement.call import GovernedCall, operation_span
from promethios.governance.enforcement.plain import plain, restored
from promethios.governance.enforcement.violation import PolicyViolation
from promethios.governance.operation import Operation

if TYPE_CHECKING:
    from promethios.governance.governor import Governor

_log = logging.getLogger(__name__)

F = TypeVar("F", bound=Callable[..., Any])

# How the conventions name the span of an operation of each kind, and the attribute that names its subject.
_SPANS: Final = {
    "tool": ("execute_tool", semconv.TOOL_NAME),
    "model": ("chat", semconv.REQUEST_MODEL),
    "agent": ("invoke_agent", semconv.AGENT_NAME),
}
KINDS: Final = (*_SPANS, "response")


class Guard:
    """Decides an operation before and after it runs. Made by `Governor.guard`.

    As a context manager it raises `PolicyViolation` on entering when the operation must not run, and on
    leaving when what it gave must not be had. Inside, `arguments` and `input` are what the operation may
    use (redacted where policies say so); set `result` or `output` to have it decided, and read it again
    after the block. Where no span of the operation is open, the guard opens one.
    """

    def __init__(
        self,
        governor: Governor,
        kind: str,
        name: str | None,
        *,
        input: Any = None,
        arguments: Any = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        if kind not in KINDS:
            raise ValueError(f"cannot guard {kind!r}: a guard's kind is one of {', '.join(KINDS)}")
        self._governor, self._kind, self._name = governor, kind, name
        self._extra = dict(attributes or {})
        self._stack: ExitStack | None = None
        self._call: GovernedCall | None = None
        self.input, self.arguments = input, arguments
        self.output: Any = None
        self.result: Any = None
        self.decision: Decision | None = None

    def __enter__(self) -> Self:
        if self._stack is not None:
            raise RuntimeError(
                f"cannot enter the guard of {self._kind} {self._name!r} twice at once: "
                "make one for each operation"
            )
        self.output = self.result = None
        with ExitStack() as opened:
            if self._kind != "response":
                self._begin(opened)
            self._stack = opened.pop_all()
        return self

    def _begin(self, opened: ExitStack) -> None:
        self._open(opened)
        self._call = GovernedCall(self._governor, self._kind, self._attributes())
        given = self._given("input", "arguments")
        self.decision = self._call.before(**given)
        self._take(given, self.decision)
        opened.enter_context(self._call.running())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stack, self._stack = self._stack or ExitStack(), None
        if error is not None:
            stack.__exit__(kind, error, trace)
            return
        with stack:  # so that a violation on leaving is seen by the operation's span too
            self._leave()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def __call__(self, function: F) -> F:
        """Guard every call of `function`; its arguments and its result are decided and may be redacted.

        Raises:
            TypeError: `function` is a generator, whose body runs after the call returned.
        """
        if isinstance(function, classmethod | staticmethod):
            return type(function)(self(function.__func__))
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(
                f"cannot guard the generator function {_name_of(function)!r}: "
                "its body runs after the call; put a guard around the work inside it, never around a yield"
            )
        return self._decorate(function)

    def _decorate(self, function: F) -> F:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            call = CallArguments(signature, args, kwargs)
            with self._for_call(function, call) as guard:
                args, kwargs = call.replaced(guard._passed_in(call))
                guard._set_outcome(function(*args, **kwargs))
            return guard._outcome()

        @functools.wraps(function)
        async def guarded_async(*args: Any, **kwargs: Any) -> Any:
            call = CallArguments(signature, args, kwargs)
            async with self._for_call(function, call) as guard:
                args, kwargs = call.replaced(guard._passed_in(call))
                guard._set_outcome(await function(*args, **kwargs))
            return guard._outcome()

        wrapper: Any = guarded_async if _is_coroutine_function(function) else guarded
        return wrapper  # type: ignore[no-any-return]

    def _for_call(self, function: Callable[..., Any], call: CallArguments) -> Guard:
        """A guard for one call: the decorator's own is shared by all calls and holds nothing."""
        name = self._name or _name_of(function)
        guard = Guard(self._governor, self._kind, name, attributes=self._extra)
        if self._kind == "tool":
            guard.arguments = call.by_name
        elif self._kind != "response":
            guard.input = call.by_name
        return guard

    def _passed_in(self, call: CallArguments) -> Any:
        if self._kind == "response":
            return call.by_name
        return self.arguments if self._kind == "tool" else self.input

    def _set_outcome(self, value: Any) -> None:
        if self._kind == "tool":
            self.result = value
        else:
            self.output = value

    def _outcome(self) -> Any:
        return self.result if self._kind == "tool" else self.output

    def _attributes(self) -> dict[str, Any]:
        attributes = dict(self._extra)
        if self._kind in _SPANS:
            operation, named = _SPANS[self._kind]
            attributes.setdefault(semconv.OPERATION_NAME, operation)
            if self._name is not None:
                attributes[named] = self._name
        return attributes

    def _open(self, stack: ExitStack) -> None:
        """Open a span of the operation where none is open yet."""
        attributes = self._attributes()
        if not self._has_span(attributes):
            shown = {**ambient_attributes(), **attributes}
            name = f"{attributes[semconv.OPERATION_NAME]} {self._name or ''}".rstrip()
            try:
                stack.enter_context(self._governor.tracer.start_as_current_span(name, attributes=shown))
            except Exception:
                _log.exception("cannot open the span %r; the operation is governed all the same", name)

    def _has_span(self, attributes: Mapping[str, Any]) -> bool:
        span: Any = operation_span(self._kind)
        if span is None:
            return False
        return subject_of(self._kind, span.attributes or {}) == subject_of(self._kind, attributes)

    def _given(self, *names: str) -> dict[str, Any]:
        """The payload that there is, as policies see it."""
        return {name: plain(value) for name in names if (value := getattr(self, name)) is not None}

    def _take(self, given: Mapping[str, Any], decision: Decision | None) -> None:
        """Put what was redacted in the place of what was given."""
        for name, value in (decision.payload if decision else {}).items():
            setattr(self, name, restored(getattr(self, name), given[name], value))

    def _leave(self) -> None:
        given = self._given("output", "result")
        if self._call is not None:
            self._take(given, self._call.after(**given))
            return
        self.decision = self._governor.decide(Operation("response", self._attributes(), **given))
        if self.decision.enforced.stops:
            raise PolicyViolation(self.decision)
        self._take(given, self.decision)


def _name_of(function: Any) -> str:
    """What a callable is called: a partial by its function, an object by its type."""
    while isinstance(function, functools.partial):
        function = function.func
    return str(getattr(function, "__name__", type(function).__name__))


def _is_coroutine_function(function: Any) -> bool:
    call = getattr(function, "__call__", None)  # noqa: B004 - of an object that is called like a function
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)
