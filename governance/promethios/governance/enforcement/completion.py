"""The completion hook: instrumentations hand over what an operation said, whatever they capture.

    OTEL_INSTRUMENTATION_GENAI_COMPLETION_HOOK=promethios

OpenTelemetry's GenAI instrumentations call the hook that this variable names when an operation is over, with
its messages as objects, also where none of them may go into telemetry:
https://github.com/open-telemetry/semantic-conventions-genai/blob/main/docs/gen-ai/gen-ai-spans.md#uploading-content-to-external-storage

An operation that a guard decides was decided with its content, before it ran. This is for the others: what no
adapter knows, and what is told through ``opentelemetry-util-genai`` by hand. They are decided with their
content when they are over, so as a flag at most, once, where their span ends.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from promethios.governance.enforcement.bounds import Bounded
from promethios.governance.enforcement.content import Redact, clean, is_clear
from promethios.governance.enforcement.gate import Unsampled
from promethios.governance.enforcement.handed import Handed, hand, plain
from promethios.governance.enforcement.processor import processor_of
from promethios.governance.governor import Governor
from promethios.governance.telemetry.spans import stamp_of

_log = logging.getLogger(__name__)


class CompletionHook:
    """The entry point ``promethios`` of ``opentelemetry_genai_completion_hook``; see the module.

    It serves the operations whose span belongs to a provider with a `GovernanceSpanProcessor`, sampled or
    not.
    """

    def on_completion(
        self,
        *,
        inputs: list[Any],
        outputs: list[Any],
        system_instruction: list[Any],
        tool_definitions: list[Any] | None = None,
        span: Any = None,
        log_record: Any = None,
    ) -> None:
        """Have policies look at the operation of `span`, and take out of the messages what they redact.

        Args:
            inputs: What went in, as messages. Redacted in place, as are the next two and the record: they may
                be told once more, on the span around.
            outputs: What came out, as messages.
            system_instruction: Parts of a message to the model that stands before `inputs`.
            tool_definitions: Not looked at: they are the application's, not what it was told.
            span: The operation's, not yet ended.
            log_record: The event about it, not yet emitted.
        """
        try:
            governor = _governor_of(span)
            if governor is None:
                return
            if stamp_of(span)[0] not in ("guard", "other"):  # else it was decided with its content
                hand(span, _content(inputs, outputs, system_instruction))
            _redact(governor, [*inputs, *outputs], system_instruction, log_record)
        except Exception:
            _log.exception("cannot look at the content of an operation; the operation itself is over")


def _governor_of(span: Any) -> Governor | None:
    if isinstance(span, Unsampled):
        return span.governor
    processor = processor_of(span)
    return None if processor is None else processor.governor


def _content(inputs: Any, outputs: Any, system: Any) -> Handed:
    said = [{"role": "system", "parts": plain(system)}] if system else []
    return Handed([*said, *plain(inputs)] or None, plain(outputs) or None)


def _redact(governor: Governor, messages: Iterable[Any], system: Iterable[Any], record: Any) -> None:
    scanner = governor.redactor
    if scanner is None:
        return
    redact = Bounded(governor.redact_text, lambda text: is_clear((text,), scanner))
    for part in (*system, *(part for message in messages for part in message.parts)):
        _redact_part(part, redact)
    if record is not None and isinstance(record.attributes, Mapping):
        record.attributes = clean(dict(record.attributes), redact)


def _redact_part(part: Any, redact: Redact) -> None:
    """Give a part's fields other values where there is something to redact; what it holds stays as it is."""
    if not is_dataclass(part):
        return
    for each in fields(part):
        value = getattr(part, each.name)
        if not isinstance(value, bytes) and (new := clean(value, redact)) is not value:
            setattr(part, each.name, new)
