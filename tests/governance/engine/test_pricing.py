"""What models cost: names as providers write them, cached tokens, a bundle's own prices, unknown models."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from promethios.governance.decision import Verdict
from promethios.governance.engine import Engine
from promethios.governance.limits import Counter, State
from promethios.governance.operation import Operation
from promethios.governance.policies import parse_bundle
from promethios.governance.policies.model import Price
from promethios.governance.pricing import PICO, Prices, Rates, Usage, cost, usage_of

MakeEngine = Callable[..., Engine]
RATES = Rates(input=10, output=100, cache_read=1, cache_write=12)


@pytest.mark.parametrize(
    ("model", "provider", "like"),
    [
        ("gpt-4o-mini-2024-07-18", "openai", "gpt-4o-mini"),
        ("GPT-4o-Mini", "openai", "gpt-4o-mini"),
        ("gpt-4o-2029-01-31", "azure.ai.openai", "gpt-4o"),
        ("openai/gpt-4o", "litellm", "gpt-4o"),
        ("us.anthropic.claude-3-5-sonnet-20241022-v2:0", "aws.bedrock", "claude-3-5-sonnet"),
        ("bedrock/us.anthropic.claude-3-5-sonnet-20241022-v2:0", "litellm", "claude-3-5-sonnet"),
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", "", "claude-sonnet-4-5"),
        ("claude-sonnet-4-5@20250929", "gcp.vertex_ai", "claude-sonnet-4-5"),
        ("claude-3-5-haiku-20241022", "anthropic", "claude-3-5-haiku-latest"),
        ("models/gemini-2.5-flash-001", "gcp.gemini", "gemini-2.5-flash"),
    ],
)
def test_a_model_is_known_by_the_names_that_providers_write(model: str, provider: str, like: str) -> None:
    rates = Prices().find(model, provider=provider)
    assert rates is not None
    assert rates == Prices().find(like)


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("", ""),
        ("gpt-4o-something-new", "openai"),
        ("my-own-model", ""),
        ("claude-sonnet-4-5", "openai"),
        ("-2024-07-18", ""),
        ("gpt-4o-mini-001-001", "openai"),
        ("ft:gpt-99:org::id", "openai"),
    ],
)
def test_a_model_that_is_not_surely_known_has_no_price(model: str, provider: str) -> None:
    assert Prices().find(model, provider=provider) is None


@pytest.mark.parametrize(
    ("provider", "sold", "foreign"),
    [
        ("anthropic", ["claude-2"], "gpt-4o"),
        ("aws.bedrock", ["amazon.nova-pro-v1:0", "anthropic.claude-2"], "gpt-4o"),
        ("bedrock", ["amazon.nova-pro-v1:0", "anthropic.claude-2"], "gpt-4o"),
        ("aws_bedrock", ["amazon.nova-pro-v1:0", "anthropic.claude-2"], "gpt-4o"),
        *(
            (name, ["babbage", "codestral", "command-light", "deepseek-chat"], "claude-2")
            for name in ("azure.ai.inference", "az.ai.inference")
        ),
        *((name, ["babbage"], "claude-2") for name in ("azure.ai.openai", "az.ai.openai", "azure_openai")),
        ("openai", ["babbage"], "claude-2"),
        ("cohere", ["command-light"], "gpt-4o"),
        ("deepseek", ["deepseek-chat"], "gpt-4o"),
        *(
            (name, ["gemini-2.5-flash"], "gpt-4o")
            for name in ("gcp.gemini", "gcp.gen_ai", "gemini", "google")
        ),
        *(
            (name, ["gemini-2.5-flash", "claude-2", "codestral"], "gpt-4o")
            for name in ("gcp.vertex_ai", "vertex_ai")
        ),
        ("groq", ["gemma2-9b-it"], "gpt-4o"),
        *((name, ["codestral"], "gpt-4o") for name in ("mistral_ai", "mistralai")),
        ("moonshot_ai", ["kimi-k2"], "gpt-4o"),
        *((name, ["grok-3"], "gpt-4o") for name in ("x_ai", "xai", "X_AI")),
        (
            "somebody",
            ["babbage", "claude-2", "gemini-2.5-flash", "codestral", "command-light", "deepseek-chat"],
            "gemma2-9b-it",
        ),
        ("", ["grok-3", "kimi-k2", "glm-4.5"], "gemma2-9b-it"),
    ],
)
def test_a_provider_is_paid_for_what_it_sells_and_for_nothing_else(
    provider: str, sold: list[str], foreign: str
) -> None:
    prices = Prices()
    assert [model for model in sold if prices.find(model, provider=provider) is None] == []
    assert prices.find(foreign, provider=provider) is None


def test_a_model_beside_another_of_the_same_beginning_has_its_own_price() -> None:
    large, small = Prices().find("gpt-4-32k"), Prices().find("gpt-4")
    assert large is not None
    assert small is not None
    assert large.input > small.input


def test_prices_are_whole_picodollars_for_a_token() -> None:
    assert Prices().find("gpt-4o-mini") == Rates(150_000, 600_000, 75_000, 150_000)


def test_what_a_cache_holds_has_its_price_in_the_table() -> None:
    assert Prices().find("claude-3-5-haiku-latest") == Rates(800_000, 4_000_000, 80_000, 1_000_000)


def test_what_makes_no_output_has_a_price_for_its_input_alone() -> None:
    rates = Prices().find("text-embedding-3-small")
    assert rates is not None
    assert rates.input > 0
    assert rates.output == 0


def test_the_model_that_answered_is_paid_before_the_one_that_was_asked_for() -> None:
    prices = Prices()
    assert prices.find("auto", "gpt-4o-mini-2024-07-18") == prices.find("gpt-4o-mini")
    assert prices.find("gpt-4o", "something-unknown") == prices.find("gpt-4o")


def test_a_bundles_prices_come_first_by_either_name() -> None:
    prices = Prices(
        {"Team-Deployment": Price(1.5, 6.0), "local-*": Price(0.0, 0.0), "local-big*": Price(1.0, 2.0)}
    )
    own = Rates(1_500_000, 6_000_000, 1_500_000, 1_500_000)
    assert prices.find("team-deployment", "gpt-4o-2024-08-06") == own
    assert prices.find("gpt-4o", "TEAM-deployment") == own
    assert prices.find("team-deployment-2026-01-01") == own
    assert prices.find("local-llama") == Rates(0, 0, 0, 0)
    assert prices.find("local-bigger") == Rates(1_000_000, 2_000_000, 1_000_000, 1_000_000)


def test_of_two_names_the_one_that_answered_is_paid_and_missed() -> None:
    prices, both = Prices(), {"gen_ai.request.model": "gpt-4o", "gen_ai.response.model": "gpt-4o-mini"}
    assert prices.cost_of(Usage(1, 0), both) == 150_000
    assert prices.cost_of(Usage(1, 0), {}) == 0
    assert prices.unpriced == 1


def test_the_name_that_answered_is_said_where_no_price_is_known(caplog: pytest.LogCaptureFixture) -> None:
    names = {"gen_ai.request.model": "asked", "gen_ai.response.model": "answered"}
    assert Prices(warn=True).cost_of(Usage(1, 0), names) == 0
    assert [record.message.split(" has")[0] for record in caplog.records] == ["model 'answered'"]


def test_names_that_are_made_up_are_not_remembered_for_ever() -> None:
    prices = Prices()
    for number in range(2000):
        name = f"{number}" + "x" * 10_000
        names = ("gen_ai.request.model", "gen_ai.response.model", "gen_ai.provider.name")
        prices.cost_of(Usage(1, 0), dict.fromkeys(names, name))
        assert len(prices._remembered) <= 512
    assert all(len(name) <= 256 for names in prices._remembered for name in names)
    assert prices.cost_of(Usage(1, 0), {"gen_ai.request.model": "gpt-4o-mini"}) == 150_000


def test_a_beginning_ends_where_its_star_stands() -> None:
    prices = Prices({"local-*": Price(0.0, 0.0)})
    assert prices.find("localhost-model") is None
    assert prices.find("local-") == Rates(0, 0, 0, 0)


def test_a_bundle_can_price_every_model_that_has_no_other_price() -> None:
    text = BUNDLE.replace("team-model: {input: 2, output: 4}", '"*": {input: 3, output: 6}')
    prices = Engine(parse_bundle(text)).prices
    assert prices.find("mystery") == Rates(3_000_000, 6_000_000, 3_000_000, 3_000_000)
    assert prices.find("gpt-4o-mini") == Prices().find("gpt-4o-mini")


@pytest.mark.parametrize(
    ("usage", "picodollars"),
    [
        (Usage(0, 0), 0),
        (Usage(3, 2), 230),
        (Usage(10, 0, cache_read=4), 64),
        (Usage(10, 1, cache_read=4, cache_write=2), 4 * 10 + 4 + 24 + 100),
        (Usage(3, 0, cache_read=1000), 1000),
    ],
    ids=["none", "plain", "read", "read and written", "more cached than counted"],
)
def test_cached_tokens_are_among_the_inputs_and_cost_less(usage: Usage, picodollars: int) -> None:
    assert cost(usage, RATES) == picodollars
    assert cost(usage, Rates(*(3 * rate for rate in RATES))) == 3 * picodollars


@pytest.mark.parametrize("value", [None, True, -1, 0, 1.5, "7", 1 << 53, [3]])
def test_what_cannot_be_a_count_of_tokens_is_none(value: Any) -> None:
    names = ("gen_ai.usage.input_tokens", "gen_ai.usage.cache_read.input_tokens")
    assert usage_of(dict.fromkeys(names, value)) == Usage(0, 0)


def test_tokens_are_read_as_the_conventions_name_them() -> None:
    attributes = {
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": (1 << 53) - 1,
        "gen_ai.usage.cache_read.input_tokens": 4,
        "gen_ai.usage.cache_creation.input_tokens": 1,
    }
    assert usage_of(attributes) == Usage(10, (1 << 53) - 1, 4, 1)


def answer(model: str = "gpt-4o-mini", tokens: int = 1_000_000, **attributes: Any) -> Operation:
    named = {
        "gen_ai.request.model": model,
        "gen_ai.conversation.id": "c",
        "gen_ai.agent.id": "a",
    } | attributes
    return Operation("model.after", {**named, "gen_ai.usage.input_tokens": tokens})


ASK = Operation("model.before", {"gen_ai.conversation.id": "c", "gen_ai.agent.id": "a"})


def test_a_budget_in_dollars_stops_when_it_is_spent(engine: MakeEngine) -> None:
    limit = "{of: cost, max: 0.3, per: conversation}"
    made, state = (
        engine({"on": "[model.before]", "limit": limit, "action": "block", "onError": "block"}),
        State(),
    )
    made.admit(answer(), state)
    assert made.admit(ASK, state).enforced is Verdict.ALLOW
    made.admit(answer(tokens=999_999), state)
    assert made.admit(ASK, state).enforced is Verdict.ALLOW
    made.admit(answer(tokens=1), state)
    decision = made.admit(ASK, state)
    assert decision.enforced is Verdict.BLOCK
    assert decision.matches[0].reason == "the limit of 0.3 US dollars per conversation is reached"


def test_sums_of_small_costs_are_exact() -> None:
    made, state = Engine(parse_bundle(BUNDLE)), State()
    for _ in range(10):
        made.admit(answer(tokens=1), state)
    assert state.used(Counter("cost", "", "agent", "a")) == 10 * 150_000
    assert state.cost_usd("agent", ASK.attributes) == 10 * 150_000 / PICO
    assert state.tokens("conversation", ASK.attributes) == 10


def test_cost_is_counted_for_conversation_agent_and_tenant() -> None:
    made, state = Engine(parse_bundle(BUNDLE)), State()
    made.admit(answer(**{"promethios.tenant.id": "t"}), state)
    for per, key in (("conversation", "=c"), ("agent", "a"), ("tenant", "t")):
        assert state.used(Counter("cost", "", per, key)) == 150_000 * 10**6


def test_a_limit_for_a_tenant_is_not_another_tenants(engine: MakeEngine) -> None:
    made = engine({"on": "[model.before]", "limit": "{of: tokens, max: 5, per: tenant}"})
    state = State()
    made.admit(answer(**{"promethios.tenant.id": "t"}), state)

    def asked(**attributes: Any) -> Verdict:
        return made.admit(Operation("model.before", attributes), state).enforced

    assert asked(**{"promethios.tenant.id": "t", "gen_ai.agent.id": "b"}) is Verdict.FLAG
    assert asked(**{"promethios.tenant.id": "u"}) is Verdict.ALLOW
    assert asked() is Verdict.ALLOW


BUNDLE = """
apiVersion: promethios.dev/v1alpha1
kind: PolicySet
metadata: {name: prices, version: "1"}
spec:
  prices: {team-model: {input: 2, output: 4}}
  policies:
    - {id: p, severity: low, on: [model.before], limit: {of: cost, max: 1, per: agent}, action: flag}
"""


def test_an_unknown_model_costs_nothing_and_is_counted_and_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    made, state = Engine(parse_bundle(BUNDLE)), State()
    with caplog.at_level(logging.WARNING):
        for name in ("mystery", "mystery", "other", "team-model"):
            made.admit(answer(name), state)
    assert made.prices.unpriced == 3
    assert state.used(Counter("cost", "", "agent", "a")) == 2 * PICO
    assert [record.message for record in caplog.records] == [
        "model 'mystery' has no price, so that its tokens cost 0 here: add it under 'spec.prices'",
        "model 'other' has no price, so that its tokens cost 0 here: add it under 'spec.prices'",
    ]


def test_where_no_policy_asks_for_costs_nothing_is_logged(
    engine: MakeEngine, caplog: pytest.LogCaptureFixture
) -> None:
    made = engine({"match": "{tool: x}"})
    made.admit(answer("mystery"), State())
    assert made.prices.unpriced == 1
    assert caplog.records == []


@pytest.mark.parametrize(
    ("parts", "logged"),
    [
        ({"when": "conversation.cost_usd > 1.0"}, 1),
        ({"when": "conversation.tokens > 1"}, 0),
        ({"limit": "{of: tokens, max: 5, per: agent}"}, 0),
    ],
)
def test_a_missing_price_is_said_where_any_policy_of_several_asks_for_cost(
    engine: MakeEngine, caplog: pytest.LogCaptureFixture, parts: dict[str, str], logged: int
) -> None:
    made = engine({"match": "{tool: x}"}, {"on": "[model.before]", **parts})
    made.admit(answer("mystery"), State())
    assert len(caplog.records) == logged


def test_an_answer_without_tokens_needs_no_price() -> None:
    made, state = Engine(parse_bundle(BUNDLE)), State()
    made.admit(answer("mystery", tokens=0), state)
    assert made.prices.unpriced == 0
    assert state.tokens("agent", ASK.attributes) == 0
    assert state.cost_usd("agent", ASK.attributes) == 0


def test_many_unknown_models_do_not_fill_log_or_memory(caplog: pytest.LogCaptureFixture) -> None:
    made, state = Engine(parse_bundle(BUNDLE)), State()
    for number in range(1000):
        made.admit(answer(f"mystery {number}" + "x" * 10_000), state)
    assert made.prices.unpriced == 1000
    assert len(caplog.records) == 20
    assert all(len(record.message) < 250 for record in caplog.records)


def test_conditions_can_ask_what_was_spent(engine: MakeEngine) -> None:
    made = engine(
        {"on": "[model.before]", "when": "conversation.cost_usd > 0.2 && conversation.tokens > 1500000"}
    )
    state = State()
    made.admit(answer(), state)
    assert made.admit(ASK, state).enforced is Verdict.ALLOW
    made.admit(answer(), state)
    assert made.admit(ASK, state).enforced is Verdict.FLAG


def test_trust_is_the_standing_of_the_operations_agent(engine: MakeEngine) -> None:
    made, state = engine({"on": "[model.before]", "when": "trust.score < 400"}), State()
    assert state.trust_score(ASK.attributes) == 405
    assert made.admit(ASK, state).enforced is Verdict.ALLOW
    state.trust.record("a", 5.0)
    assert made.admit(ASK, state).enforced is Verdict.FLAG
