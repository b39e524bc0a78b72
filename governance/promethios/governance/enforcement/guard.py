"""The guard around one operation: a context manager and a decorator, sync and async."""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from opentelemetry import trace
from opentelemetry.trace import Span

from promethios.governance import semconv
from promethios.governance.decision import Decision
from promethios.governance.enforcement.ambient import ambient_attributes, subject_of
from promethios.governance.enforcement.arguments import CallArguments
from promethios.governance.enforcement.call import GovernedCall, operation_span
from promethios.governance.enforcement.generators import (
    GuardedAsyncGenerator,
    GuardedGenerator,
    Steps,
    is_managed,
    takes_replies,
)
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
        if (span := self.start_span()) is not None:
            opened.enter_context(trace.use_span(span, end_on_exit=True))
        opened.enter_context(self.begin().running())

    def begin(self) -> GovernedCall:
        """Decide the operation in the current context, and take what was redacted of what it is given.

        Raises:
            PolicyViolation: It must not run.
        """
        self._call = GovernedCall(self._governor, self._kind, self._attributes())
        if self._kind != "response":
            given = self._given("input", "arguments")
            self.decision = self._call.before(**given)
            self._take(given, self.decision)
        return self._call

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        stack, self._stack = self._stack or ExitStack(), None
        if error is not None:
            stack.__exit__(kind, error, traceback)
            return
        with stack:  # so that a violation on leaving is seen by the operation's span too
            self._leave()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)

    def __call__(self, function: F) -> F:
        """Guard every call of `function`; its arguments and its result are decided and may be redacted.

        A generator function is decided when it is called, and what it yields is inspected as it leaves; a
        function that `contextlib` made of one gives a context manager whose value is decided.
        """
        if isinstance(function, classmethod | staticmethod):
            return type(function)(self(function.__func__))
        made: Any
        if is_managed(function):
            made = self._manage(function)
        elif _is(inspect.isgeneratorfunction, function):
            made = self._generate(function, GuardedGenerator, replies=takes_replies(function))
        elif _is(inspect.isasyncgenfunction, function):
            made = self._generate(function, GuardedAsyncGenerator, replies=takes_replies(function))
        else:
            made = self._decorate(function)
        return made  # type: ignore[no-any-return]

    def _manage(self, function: Any) -> Any:
        made_of = function.__wrapped__
        if inspect.isgeneratorfunction(made_of):
            return contextmanager(self._generate(made_of, GuardedGenerator, replies=True))
        return asynccontextmanager(self._generate(made_of, GuardedAsyncGenerator, replies=True))

    def _generate(self, function: Any, made: Callable[..., Any], *, replies: bool) -> Any:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            call = CallArguments(signature, args, kwargs)
            guard = self._for_call(function, call)
            steps = Steps(guard, replies=replies)
            args, kwargs = guard._called_with(call, args, kwargs)
            return made(function(*args, **kwargs), steps)

        return guarded

    def _decorate(self, function: Callable[..., Any]) -> Any:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            call = CallArguments(signature, args, kwargs)
            with self._for_call(function, call) as guard:
                args, kwargs = guard._called_with(call, args, kwargs)
                guard._set_outcome(function(*args, **kwargs))
            return guard._outcome()

        @functools.wraps(function)
        async def guarded_async(*args: Any, **kwargs: Any) -> Any:
            call = CallArguments(signature, args, kwargs)
            async with self._for_call(function, call) as guard:
                args, kwargs = guard._called_with(call, args, kwargs)
                guard._set_outcome(await function(*args, **kwargs))
            return guard._outcome()

        return guarded_async if _is(inspect.iscoroutinefunction, function) else guarded

    def _for_call(self, function: Callable[..., Any], call: CallArguments) -> Guard:
        """A guard for one call: the decorator's own is shared by all calls and holds nothing."""
        name = self._name or _name_of(function)
        guard = Guard(self._governor, self._kind, name, attributes=self._extra)
        if self._kind == "tool":
            guard.arguments = call.by_name
        elif self._kind != "response":
            guard.input = call.by_name
        return guard

    def _called_with(
        self, call: CallArguments, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """What the function is to be called with: what it was given, redacted."""
        if self._kind == "response" or self._call is None:
            return args, kwargs
        field = "arguments" if self._kind == "tool" else "input"
        if (allowed := getattr(self, field)) is call.by_name:
            return args, kwargs
        with self._call.fail_open("put redacted arguments in their places", field):
            args, kwargs = call.replaced(allowed)
        return args, kwargs

    def _set_outcome(self, value: Any) -> None:
        if self._kind == "tool":
            self.result = value
        else:
            self.output = value

    @property
    def outcome_field(self) -> str:
        """What policies call what the operation gives."""
        return "result" if self._kind == "tool" else "output"

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

    def start_span(self) -> Span | None:
        """Start a span of the operation; None where one is open already, or none can be."""
        attributes = self._attributes()
        if self._kind == "response" or self._has_span(attributes):
            return None
        shown = {**ambient_attributes(), **attributes}
        name = f"{attributes[semconv.OPERATION_NAME]} {self._name or ''}".rstrip()
        try:
            return self._governor.tracer.start_span(name, attributes=shown)
        except Exception:
            _log.exception("cannot open the span %r; the operation is governed all the same", name)
            return None

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


def _is(what: Callable[[Any], bool], function: Any) -> bool:
    """Whether a function, or an object that is called like one, is of a kind."""
    call = getattr(function, "__call__", None)  # noqa: B004 - of an object that is called like a function
    return what(function) or what(call)
