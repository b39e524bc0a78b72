"""Makes the table of token prices that comes with the package.

The facts are those that the project `genai-prices` (MIT) collects from the providers' price pages; it is
needed for making the table and for nothing else::

    pip install genai-prices
    python governance/make_prices.py
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from genai_prices import types  # type: ignore[import-not-found]
from genai_prices.data import providers  # type: ignore[import-not-found]

TABLE = Path(__file__).parent / "promethios/governance/prices.json"
#: Whose prices are taken: those who sell models of their own, and the great resellers.
TAKEN = (
    "anthropic",
    "aws",
    "cohere",
    "deepseek",
    "google",
    "groq",
    "mistral",
    "moonshotai",
    "openai",
    "voyageai",
    "x-ai",
    "zai",
)
KINDS = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
}


def current(model: Any, now: datetime) -> Any:
    """The model's prices today, at the standard tier and at whatever time of day."""
    if not isinstance(model.prices, list):
        return model.prices
    dated = [each for each in model.prices if not isinstance(each.constraint, types.TimeOfDateConstraint)]
    active = [each for each in dated if each.constraint is None or each.constraint.active(now)]
    return (active or model.prices)[-1 if active else 0].prices


def names(match: Any) -> list[str]:
    """The names of a model that are written out; those that are known by their beginning end in ``*``."""
    if isinstance(match, types.ClauseEquals):
        return [match.equals.lower()]
    if isinstance(match, types.ClauseStartsWith):
        return [f"{match.starts_with.lower()}*"]
    if isinstance(match, types.ClauseOr):
        return [name for part in match.or_ for name in names(part)]
    return []


def entry(model: Any, now: datetime) -> dict[str, Any]:
    """One row of the table, in US dollars for a million tokens; of prices in tiers, the first tier's."""
    prices = current(model, now)
    row: dict[str, Any] = {}
    for kind, field in KINDS.items():
        price = getattr(prices, field, None)
        price = price.base if isinstance(price, types.TieredPrices) else price
        if price is not None:
            row[kind] = float(price)
    others = sorted(set(names(model.match)) - {model.id.lower()})
    return row | ({"names": others} if others else {})


def main() -> None:
    now = datetime.now(UTC)
    models = {
        provider.id: {
            model.id.lower(): row
            for model in sorted(provider.models, key=lambda each: str(each.id))
            if "input" in (row := entry(model, now)) or "output" in row
        }
        for provider in providers
        if provider.id in TAKEN
    }
    table = {
        "unit": "US dollars for a million tokens, standard tier, prompts of the first tier of lengths",
        "date": now.date().isoformat(),
        "source": f"genai-prices {version('genai-prices')}, https://github.com/pydantic/genai-prices (MIT)",
        "pages": {p.id: (p.pricing_urls or [])[:1] for p in providers if p.id in TAKEN},
        "models": models,
    }
    TABLE.write_text(written(table), encoding="utf-8")


def written(table: dict[str, Any]) -> str:
    """The table as JSON, a line for each model, so that a new one shows what changed."""
    head = json.dumps(table | {"models": {}}, indent=1).removesuffix("{}\n}")
    sections = (
        f" {json.dumps(provider)}: {{\n"
        + ",\n".join(f"  {json.dumps(name)}: {json.dumps(row)}" for name, row in rows.items())
        + "\n }"
        for provider, rows in table["models"].items()
    )
    return head + "{\n" + ",\n".join(sections) + "\n}}\n"


if __name__ == "__main__":
    main()
