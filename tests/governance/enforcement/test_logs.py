"""Log records are redacted before they are exported."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from tests.support.governed import CARD

from promethios.governance import GovernanceLogProcessor, Governor

Emit = Callable[..., Any]


@pytest.fixture
def emit(governor: Governor) -> Iterator[Emit]:
    exporter = InMemoryLogRecordExporter()
    provider = LoggerProvider()
    provider.add_log_record_processor(GovernanceLogProcessor(governor))
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))

    def emit_one(**fields: Any) -> Any:
        provider.get_logger("test").emit(LogRecord(**fields))
        return exporter.get_finished_logs()[-1].log_record

    yield emit_one
    provider.shutdown()


@pytest.mark.parametrize(
    "body",
    [f"card {CARD}", {"messages": [{"content": CARD}]}, ["x", CARD]],
    ids=["text", "nested", "list"],
)
def test_a_body_is_redacted_and_keeps_its_shape(emit: Emit, body: Any) -> None:
    record = emit(body=body)
    assert " 1111" not in str(record.body)
    assert type(record.body) is type(body)


def test_attributes_are_redacted(emit: Emit) -> None:
    record = emit(body="x", attributes={"gen_ai.input.messages": CARD, "count": 3})
    assert " 1111" not in str(dict(record.attributes))
    assert record.attributes["count"] == 3


def test_a_clean_record_stays_as_it_is(emit: Emit) -> None:
    body = {"messages": ["hello"]}
    assert emit(body=body).body is body


def test_a_body_that_cannot_be_read_is_withheld(emit: Emit, caplog: pytest.LogCaptureFixture) -> None:
    class Hostile(dict[str, str]):
        def items(self) -> Any:
            raise RuntimeError("no")

    assert emit(body=Hostile(a=CARD)).body == "[REDACTED:unreadable]"
    assert "cannot redact a log record" in caplog.text


def test_the_name_of_an_attribute_is_redacted(emit: Emit) -> None:
    record = emit(body="x", attributes={f"card {CARD}": 1})
    assert " 1111" not in str(dict(record.attributes))


def test_the_attributes_of_a_record_that_cannot_be_read_are_withheld_too(emit: Emit) -> None:
    class Hostile(dict[str, str]):
        def items(self) -> Any:
            raise RuntimeError("no")

    record = emit(body=Hostile(a=CARD), attributes={"gen_ai.input.messages": CARD})
    assert " 1111" not in str(dict(record.attributes))
