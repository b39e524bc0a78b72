"""Trust in the receiver: what decisions weigh, in which order they count, what is told and answered."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from flask.testing import FlaskClient
from tests.support.otlp import decision_span, span, trace_request

from promethios.governance.trust import METHOD, NEW, Standing, advance, fade
from promethios.receiver.services import Services
from promethios.receiver.trust.account import POINTS
from promethios.receiver.trust.replay import recompute

SECOND = 10**9
HOUR = 3600 * SECOND
NOW = time.time_ns() - 2 * HOUR

Send = Callable[..., Any]


@pytest.fixture
def send(client: FlaskClient, make_key: Any) -> Send:
    """Send governance spans as one request."""
    headers = {**make_key("default", "ingest"), "Content-Type": "application/x-protobuf"}

    def post(*spans: Any) -> Any:
        answer = client.post("/v1/traces", data=trace_request(*spans).SerializeToString(), headers=headers)
        assert answer.status_code == 200
        return answer

    return post


@pytest.fixture
def ask(client: FlaskClient, make_key: Any) -> Callable[..., Any]:
    """GET a route of the API as JSON."""
    headers = make_key("default", "read")
    return lambda path, **query: client.get(f"/api/v1/{path}", headers=headers, query_string=query).get_json()


def told(seconds: float = 0, agent: str = "clerk", *, severity: str = "", **given: Any) -> Any:
    """A decision of an agent; with a severity one that matched a policy, with what `given` says."""
    at = NOW + int(seconds * SECOND)
    attributes = {"gen_ai.agent.name": agent}
    if "id" in given:
        attributes["promethios.decision.id"] = given.pop("id")
    matches = ({"promethios.policy.severity": severity, **given},) if severity else ()
    verdict = "block" if severity else "allow"
    return decision_span(verdict, matches, attributes, start_time_unix_nano=at, end_time_unix_nano=at + 1)


def rows(services: Services, statement: str) -> list[Any]:
    with services.readers.connect() as connection:
        return [dict(row) for row in connection.exec_driver_sql(statement).mappings()]


def standing_of(services: Services, agent: str = "clerk") -> Standing:
    (row,) = rows(services, f"SELECT * FROM trust_standings WHERE agent_id = '{agent}'")
    return Standing(row["r"], row["s"], row["g"], row["last_unix_nano"], bool(row["alarmed"]))


def expected(*weights_and_seconds: tuple[float, float]) -> Standing:
    standing = NEW
    for weight, seconds in weights_and_seconds:
        standing = advance(standing, weight, NOW + int(seconds * SECOND))
    return standing


def assert_recomputed(services: Services) -> None:
    """What is stored is what the decisions say, to the last bit."""
    with services.readers.connect() as connection:
        accounts, changes = recompute(connection)
    stored = rows(services, "SELECT * FROM trust_standings")
    assert {(row["tenant_id"], row["agent_id"]) for row in stored} == set(accounts)
    for row in stored:
        account = accounts[row["tenant_id"], row["agent_id"]]
        names = ("r", "s", "g", "last_unix_nano", "alarmed", "decisions", "position", "told_score")
        assert tuple(row[name] for name in names) == (
            *account.standing,
            account.decisions,
            account.position,
            account.told_score,
        )
    scores = rows(services, "SELECT * FROM trust_scores")
    written = sorted(tuple(row.values())[1:] for row in scores)
    assert written == sorted((*owner, *change) for owner, change in changes)


@pytest.mark.parametrize(
    ("given", "weight"),
    [
        ({"severity": "low"}, 0.1),
        ({"severity": "critical"}, 5.0),
        ({"severity": "dreadful"}, 0.0),
        ({"severity": "high", "promethios.policy.mode": "shadow"}, 0.0),
        ({"severity": "high", "promethios.policy.failed": True}, 0.0),
        ({"severity": "high", "promethios.policy.evidence": ["pii.card input[0].content 3-19 ab"]}, 0.0),
        ({"severity": "high", "promethios.policy.evidence": ["pii.card output 3-19 ab"]}, 1.0),
        ({"severity": "high", "promethios.policy.evidence": ["injection.role result 3-19 ab"]}, 0.0),
        ({"severity": "high", "promethios.policy.weight": 0}, 0.0),
        ({"severity": "high", "promethios.policy.weight": 2.5}, 2.5),
        ({"severity": "low", "promethios.policy.weight": 1e300}, 100.0),
        ({"severity": "low", "promethios.policy.weight": -3.0}, 0.0),
        ({"severity": "low", "promethios.policy.weight": float("nan")}, 0.1),
        ({"severity": "low", "promethios.policy.weight": "much"}, 0.1),
        ({"severity": "low", "promethios.policy.weight": True}, 0.1),
    ],
    ids=str,
)
def test_a_match_weighs_what_the_agent_says_or_what_its_severity_says(
    send: Send, services: Services, given: dict[str, Any], weight: float
) -> None:
    send(told(**given))
    (violation,) = rows(services, "SELECT weight FROM violations")
    (decision,) = rows(services, "SELECT weight FROM decisions")
    assert violation["weight"] == decision["weight"] == weight
    assert standing_of(services) == expected((weight, 0))


def test_a_decision_weighs_as_much_as_its_heaviest_match(send: Send, services: Services) -> None:
    matches = tuple({"promethios.policy.severity": each} for each in ("low", "critical", "medium"))
    send(decision_span("block", matches, {"gen_ai.agent.name": "clerk"}))
    assert [row["weight"] for row in rows(services, "SELECT weight FROM violations ORDER BY ordinal")] == [
        0.1,
        5.0,
        0.3,
    ]
    assert standing_of(services).s == 5.0


def test_what_is_stored_is_what_the_formula_makes_of_the_decisions(send: Send, services: Services) -> None:
    send(told(1), told(2, severity="high"), told(3), span())
    send(told(4, severity="low"))
    assert standing_of(services) == expected((0, 1), (1, 2), (0, 3), (0.1, 4))
    assert_recomputed(services)


def test_the_decisions_of_a_request_count_in_the_order_of_their_times(send: Send, services: Services) -> None:
    send(told(3), told(1, severity="high"), told(2))
    assert standing_of(services) == expected((1, 1), (0, 2), (0, 3))
    assert_recomputed(services)


def test_a_decision_that_comes_again_counts_once(send: Send, services: Services) -> None:
    first, second = told(1, severity="high"), told(2)
    send(first)
    send(first, second)
    send(second, first, second)
    assert standing_of(services) == expected((1, 1), (0, 2))
    (row,) = rows(services, "SELECT decisions FROM trust_standings")
    assert row["decisions"] == 2
    assert_recomputed(services)


def test_a_decision_that_comes_again_with_other_matches_weighs_what_it_weighed(
    send: Send, services: Services
) -> None:
    send(told(1, id="same"))
    send(told(1, id="same", severity="critical"))
    send(told(2, id="other", severity="low"), told(3, id="other", severity="critical"))
    assert standing_of(services) == expected((0, 1), (0.1, 2))
    assert_recomputed(services)


def test_late_decisions_of_other_processes_can_be_recomputed(send: Send, services: Services) -> None:
    draw = random.Random(3)
    decisions = [
        told(number, draw.choice(["clerk", "buyer"]), severity=draw.choice(["", "", "", "low", "high"]))
        for number in range(120)
    ]
    draw.shuffle(decisions)
    while decisions:
        size = draw.randint(1, 30)
        send(*decisions[:size], *draw.sample(decisions, min(3, len(decisions))))
        decisions = decisions[size:]
    assert_recomputed(services)
    (row,) = rows(services, "SELECT sum(decisions) AS decisions FROM trust_standings")
    assert row["decisions"] == 120


def test_decisions_and_scores_are_stored_together_or_not_at_all(
    client: FlaskClient, make_key: Any, services: Services
) -> None:
    headers = {**make_key("default", "ingest"), "Content-Type": "application/x-protobuf"}
    body = trace_request(told(1, severity="high")).SerializeToString()
    broken = "CREATE TRIGGER broken BEFORE INSERT ON trust_standings BEGIN SELECT RAISE(ABORT, 'broken'); END"
    services.writer.do(lambda connection: connection.exec_driver_sql(broken) and None)
    assert client.post("/v1/traces", data=body, headers=headers).status_code == 503
    for table in ("decisions", "violations", "trust_scores", "spans"):
        assert rows(services, f"SELECT * FROM {table}") == []
    services.writer.do(lambda connection: connection.exec_driver_sql("DROP TRIGGER broken") and None)
    assert client.post("/v1/traces", data=body, headers=headers).status_code == 200
    assert standing_of(services) == expected((1, 1))
    assert_recomputed(services)


def test_a_decision_from_the_future_is_taken_as_of_now(send: Send, services: Services) -> None:
    for number in range(60):
        send(told(number))
    before = standing_of(services).score
    answer = send(told(365 * 86_400))
    assert b"a decision is from the future: taken as of now" in answer.data
    standing = standing_of(services)
    assert standing.last <= time.time_ns()
    assert standing.score >= before
    assert_recomputed(services)


def test_a_row_is_told_where_the_score_moved_and_not_for_each_decision(
    send: Send, services: Services
) -> None:
    send(*(told(number) for number in range(300)))
    scores = [row["score"] for row in rows(services, "SELECT score FROM trust_scores ORDER BY id")]
    assert scores == sorted(scores)
    assert scores[0] - NEW.score < 2 * POINTS
    assert 20 < len(scores) < 60
    assert all(abs(one - other) <= 2 * POINTS for one, other in pairwise(scores))


def test_a_row_tells_what_moved_the_score(send: Send, services: Services) -> None:
    bad = told(61, severity="high", id="d" * 32)
    send(*(told(number) for number in range(60)), bad)
    row = rows(services, "SELECT * FROM trust_scores ORDER BY id")[-1]
    standing = standing_of(services)
    assert (row["cause"], row["decision_id"], row["weight"]) == ("decision", "d" * 32, 1.0)
    assert row["reason"] == "not on the list"
    assert (row["score"], row["bound"], row["evidence"]) == (
        standing.score,
        standing.bound,
        standing.evidence,
    )
    assert (row["method"], row["decisions"], row["time_unix_nano"]) == (METHOD, 61, NOW + 61 * SECOND)


def test_an_alarm_is_told_at_once(send: Send, services: Services) -> None:
    send(*(told(number, severity="critical") for number in range(4)))
    alarmed = [row["alarmed"] for row in rows(services, "SELECT alarmed FROM trust_scores ORDER BY id")]
    assert (alarmed[-1], sum(alarmed)) == (1, 1)


def test_an_agent_of_another_tenant_has_another_score(
    client: FlaskClient, make_key: Any, send: Send, services: Services
) -> None:
    send(told(1))
    headers = {**make_key("acme", "ingest"), "Content-Type": "application/x-protobuf"}
    client.post(
        "/v1/traces", data=trace_request(told(1, severity="high")).SerializeToString(), headers=headers
    )
    assert [row["s"] for row in rows(services, "SELECT s FROM trust_standings ORDER BY tenant_id")] == [0, 1]
    assert_recomputed(services)


def test_every_known_agent_has_a_row(send: Send, ask: Any) -> None:
    send(told(1), told(2, severity="high"), span(attributes={"gen_ai.agent.name": "idle"}))
    clerk, idle = ask("trust")["data"]
    now = fade(expected((0, 1), (1, 2)), time.time_ns())
    assert clerk == {
        "agent_id": "clerk",
        "score": now.score,
        "tier": now.tier,
        "bound": pytest.approx(now.bound, abs=1e-5),
        "evidence": pytest.approx(now.evidence, abs=1e-2),
        "alarmed": False,
        "method": METHOD,
        "updated": (NOW + 2 * SECOND) // 1_000_000,
        "decisions": 2,
        "good": pytest.approx(now.r, abs=1e-2),
        "bad": pytest.approx(now.s, abs=1e-2),
        "change": pytest.approx(now.g, abs=1e-2),
    }
    assert (idle["score"], idle["tier"], idle["updated"], idle["decisions"]) == (405, "probation", None, 0)
    assert [row["agent_id"] for row in ask("trust", agent="idle")["data"]] == ["idle"]


def test_agents_are_listed_with_their_trust(send: Send, ask: Any) -> None:
    send(*(told(number) for number in range(80)), span(attributes={"gen_ai.agent.name": "idle"}))
    assert [(row["agent_id"], row["trust"] > 700, row["tier"]) for row in ask("agents")["data"]] == [
        ("clerk", True, "trusted"),
        ("idle", False, "probation"),
    ]


def test_a_key_of_one_agent_sees_its_trust_only(
    send: Send, client: FlaskClient, make_key: Any, services: Services
) -> None:
    send(told(1), told(1, "buyer"))
    bound = make_key("default", "read", agent="buyer")
    seen = client.get("/api/v1/trust", headers=bound).get_json()["data"]
    assert [row["agent_id"] for row in seen] == ["buyer"]
    assert client.get("/api/v1/trust/clerk", headers=bound).status_code == 404


def test_a_score_is_explained(send: Send, ask: Any) -> None:
    send(
        *(told(number) for number in range(30)),
        told(31, severity="low", id="a" * 32),
        told(32, severity="critical", id="b" * 32),
        told(33),
    )
    answer = ask("trust/clerk")
    (row,) = answer["data"]
    assert (row["decisions"], row["updated"]) == (33, (NOW + 33 * SECOND) // 1_000_000)
    heavy, light = answer["decisions"]
    assert (heavy["decision_id"], heavy["weight"], heavy["reason"]) == ("b" * 32, 5.0, "not on the list")
    assert (light["decision_id"], light["weight"]) == ("a" * 32, 0.1)
    assert heavy["left"] + light["left"] == pytest.approx(row["bad"], abs=0.01)
    assert heavy["points"] > light["points"] >= 0
    assert heavy["policies"] == "model-list"
    assert answer["advice"][0]["text"].endswith("clean decisions in a row make it probation")


def test_the_advice_is_true(send: Send, services: Services, ask: Any) -> None:
    lately = (time.time_ns() - NOW) / SECOND - 10
    send(told(lately), told(lately + 1, severity="high"))
    (advice,) = ask("trust/clerk")["advice"]
    before, number = ask("trust")["data"][0]["tier"], int(advice["text"].split()[0])
    tiers = []
    for made in range(number + 1):
        send(told(lately + 2 + made / 100))
        tiers.append(ask("trust")["data"][0]["tier"])
    # Time passes meanwhile, and evidence fades with it: one decision may make the difference.
    assert set(tiers[: number - 2]) == {before}
    assert tiers[number] != before


def test_an_unknown_agent_is_not_found(ask: Any) -> None:
    assert ask("trust/nobody")["detail"] == "there is no such agent: /api/v1/agents lists them"


def test_an_agents_id_may_have_a_slash(send: Send, ask: Any) -> None:
    send(told(1, "team/clerk"))
    assert ask("trust/team/clerk")["data"][0]["agent_id"] == "team/clerk"


def test_a_series_has_the_score_at_the_end_of_each_step(send: Send, ask: Any) -> None:
    send(
        *(told(60 + number / 10) for number in range(100)),
        told(300, severity="critical"),
        told(301, severity="critical"),
    )
    start = NOW // 1_000_000 // 60_000 * 60_000
    rows = ask("series/trust", **{"from": start, "to": start + 480_000, "step": 60_000})["data"]
    values = [row["value"] for row in rows]
    assert [row["time"] for row in rows] == [start + 60_000 * number for number in range(9)]
    assert values[0] is None
    assert max(value for value in values if value is not None) > 700
    assert values[-1] == values[-2] < 300
    assert {row["agent_id"] for row in rows} == {"clerk"}


def test_a_series_knows_what_was_before_its_range(send: Send, ask: Any) -> None:
    send(*(told(number / 10) for number in range(100)))
    start = NOW // 1_000_000 + 600_000
    (row, *_) = ask("series/trust", **{"from": start, "to": start + 60_000, "step": 60_000})["data"]
    assert row["value"] > 700


def test_the_top_of_a_series_are_the_agents_of_the_lowest_score(send: Send, ask: Any) -> None:
    send(*(told(number, "good") for number in range(30)), told(31, "new"), told(32, "ask"))
    send(*(told(60 + number, "bad", severity="critical") for number in range(3)))
    send(span(attributes={"gen_ai.agent.name": "a-silent"}))
    shown = {top: _agents(ask("series/trust", top=top)) for top in (1, 2, 4, 5)}
    assert shown == {
        1: ["bad"],
        2: ["ask", "bad"],
        4: ["ask", "bad", "good", "new"],
        5: ["a-silent", "ask", "bad", "good", "new"],
    }
    assert _agents(ask("series/trust")) == ["a-silent", "ask", "bad", "good", "new"]
    assert _agents(ask("series/trust", top=1, agent="good|new")) == ["new"]
    assert _agents(ask("series/trust", top=1, agent="nobody")) == []


def _agents(answer: Any) -> list[str]:
    return list(dict.fromkeys(row["agent_id"] for row in answer["data"]))


@pytest.fixture
def acknowledge(client: FlaskClient, make_key: Any) -> Callable[..., Any]:
    """POST an acknowledgement as an administrator."""
    admin = make_key("default", "admin")

    def post(agent: str = "clerk", headers: Any = None, **body: Any) -> Any:
        return client.post(
            f"/api/v1/trust/{agent}/acknowledge",
            headers=admin if headers is None else headers,
            json=body or None,
        )

    return post


def test_an_administrator_acknowledges_an_alarm(
    send: Send, services: Services, acknowledge: Any, ask: Any
) -> None:
    send(*(told(number) for number in range(200)), *(told(200 + n, severity="high") for n in range(4)))
    assert ask("trust")["data"][0]["score"] == 299
    assert "acknowledge it" in ask("trust/clerk")["advice"][0]["text"]
    answer = acknowledge(note="the tool was renamed")
    (row,) = answer.get_json()["data"]
    assert (answer.status_code, row["alarmed"], row["change"]) == (200, False, 0.0)
    assert row["score"] > 299
    assert ask("trust")["data"][0]["score"] == row["score"]
    last = rows(services, "SELECT * FROM trust_scores ORDER BY id")[-1]
    assert last["cause"] == "acknowledged"
    assert last["reason"].startswith("acknowledged with the key ")
    assert last["reason"].endswith(": the tool was renamed")
    send(told(300), told(301, severity="high"))
    assert_recomputed(services)


def test_what_is_acknowledged_twice_between_decisions_is_recomputed(
    send: Send, services: Services, acknowledge: Any
) -> None:
    for round_ in range(3):
        send(*(told(10 * round_ + number, severity="critical") for number in range(4)))
        assert acknowledge().status_code == 200
    assert_recomputed(services)


def test_there_must_be_an_alarm_to_acknowledge(send: Send, acknowledge: Any) -> None:
    send(told(1))
    for agent, expected in (
        ("clerk", (409, "agent 'clerk' has no alarm to acknowledge")),
        ("nobody", (404, "there is no such agent: /api/v1/agents lists them")),
    ):
        answer = acknowledge(agent)
        assert (answer.status_code, answer.get_json()["detail"]) == expected


@pytest.mark.parametrize("scope", ["read", "ingest"])
def test_only_an_administrator_acknowledges(acknowledge: Any, make_key: Any, scope: str) -> None:
    assert acknowledge(headers=make_key("default", scope)).status_code == 403


def test_an_administrator_of_another_tenant_finds_no_alarm(
    send: Send, acknowledge: Any, make_key: Any
) -> None:
    send(*(told(number, severity="critical") for number in range(4)))
    assert acknowledge(headers=make_key("acme", "admin")).status_code == 404


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"{", "the body is not JSON: "),
        (b"[]", "the body may be an object with 'note', and nothing else"),
        (b'{"reason": "x"}', "the body may be an object with 'note', and nothing else"),
        (b'{"note": 7}', "'note' must be text of at most 200 characters"),
        (b'{"note": "%s"}' % (b"x" * 201), "'note' must be text of at most 200 characters"),
    ],
)
def test_a_wrong_acknowledgement_is_refused(
    client: FlaskClient, make_key: Any, body: bytes, detail: str
) -> None:
    answer = client.post("/api/v1/trust/clerk/acknowledge", data=body, headers=make_key("default", "admin"))
    assert answer.status_code == 400
    assert answer.get_json()["detail"].startswith(detail)
