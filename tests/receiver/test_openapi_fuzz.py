"""What a tool makes of the API's description: thousands of requests, right and wrong, of two tenants."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection
from tests.support.otlp import decision_span, gauge, logs_request, metrics_request, record, trace_request
from tests.support.receiver import RunningReceiver

#: Requests for each operation and manner of making them.
EXAMPLES = 15 if os.environ.get("CI") == "true" else 8
#: What only the other tenant has: it stands in everything that it stores.
MARK = "theirs-and-nobody-elses"
TRACE = b"their-own-trace!"
CHECKS = schemathesis.Config.from_dict(
    {
        "checks": {
            # Rules between two fields cannot be described: 'from' before 'to', no other tenant's key.
            "positive_data_acceptance": {"enabled": False},
            # It tries so many wrong keys that it is told to slow down. The role matrix proves each route.
            "ignored_auth": {"enabled": False},
            # A very long parameter does not fit into a request's head.
            "negative_data_rejection": {
                "expected-statuses": ["400", "403", "404", "409", "413", "415", "431"]
            },
        }
    }
)


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningReceiver]:
    """A receiver with two tenants, of which `theirs` has something of everything, all of it marked."""
    with RunningReceiver(tmp_path_factory.mktemp("fuzz") / "promethios.db", grpc="off") as running:
        _tell(running, {**key_of(running, "theirs"), "Content-Type": "application/x-protobuf"})
        yield running


def key_of(receiver: RunningReceiver, tenant: str) -> dict[str, str]:
    """Headers with a key of this tenant that may do everything in it."""
    wanted = json.dumps({"tenant": tenant, "scope": "admin,ingest,read"}).encode()
    made = receiver.request("POST", "/api/v1/keys", wanted, receiver.admin)
    return {"Authorization": f"Bearer {made.json()['key']}"}


def _tell(receiver: RunningReceiver, headers: dict[str, str]) -> None:
    resource = {"service.name": MARK, "gen_ai.agent.id": MARK}
    match = {"gen_ai.guardrail.policy.id": MARK}
    decision = decision_span("block", (match,), {"note": MARK}, trace_id=TRACE)
    decision.start_time_unix_nano = decision.end_time_unix_nano = time.time_ns()
    beat = gauge("promethios.agent.heartbeat", 1)
    for path, request in (
        ("/v1/traces", trace_request(decision, resource=resource)),
        ("/v1/metrics", metrics_request(beat, resource=resource)),
        ("/v1/logs", logs_request(record(MARK), resource=resource)),
    ):
        assert receiver.post(path, request.SerializeToString(), headers).status == 200


def _counts(receiver: RunningReceiver, headers: dict[str, str]) -> dict[str, int]:
    (row,) = receiver.get("/api/v1/status", headers).json()["data"]
    return {name: row[name] for name in ("spans", "logs", "decisions", "violations", "agents")}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_k14_every_request_is_answered_as_described_and_shows_the_own_tenant_only(
    receiver: RunningReceiver, mode: GenerationMode
) -> None:
    ours, theirs = key_of(receiver, f"ours-{mode.value}"), key_of(receiver, "theirs")
    before = _counts(receiver, theirs)
    described = schemathesis.openapi.from_url(
        f"{receiver.http}/api/v1/openapi.json", headers=ours, config=CHECKS
    )
    # An answer that never ends cannot be compared with anything: `test_live.py` is about it.
    for found in described.exclude(path="/api/v1/live").get_all_operations():
        _fuzz(found.ok().as_strategy(mode), ours)
    assert _counts(receiver, theirs) == before


def _fuzz(cases: Any, headers: dict[str, str]) -> None:
    @given(case=cases)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        # The same requests each time: a landing does not fail for what was there before it.
        derandomize=True,
        database=None,
    )
    def ask(case: Any) -> None:
        # What a wrong value becomes in an address may be right: an empty object leaves the parameter empty.
        without = [negative_data_rejection] if case.method == "GET" else None
        response = case.call_and_validate(headers=headers, excluded_checks=without)
        assert MARK not in response.text

    ask()
