"""What a model's answer costs: tokens times prices, in whole picodollars so that sums are exact.

The prices are `prices.json`, a dated table that `governance/make_prices.py` makes, below what a bundle says
under ``spec.prices``. A model that neither knows costs nothing, and is counted: see `Prices.unpriced`.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final, NamedTuple, Protocol

from promethios.governance import semconv
from promethios.governance.conditions.aliases import ALIASES, first_of, first_text

_log = logging.getLogger(__name__)

#: Picodollars in a dollar. A price of 0.0375 dollars for a million tokens is 37,500 of them for one.
PICO: Final = 10**12
#: A count of tokens beyond this is not believed (2 to the power of 53).
MAX_TOKENS: Final = 1 << 53

_PER_MILLION: Final = PICO // 10**6
# How many pairs of names are remembered, and how many unknown ones are logged.
_MAX_REMEMBERED: Final = 512
_MAX_LOGGED: Final = 20
# No model has a longer name; behind the cut nothing is looked at.
_MAX_NAME: Final = 256

#: The table's providers by the values of ``gen_ai.provider.name`` (and of the older ``gen_ai.system``).
_PROVIDERS: Final = {
    "anthropic": ("anthropic",),
    "aws.bedrock": ("aws", "anthropic"),
    "azure.ai.inference": ("openai", "mistral", "cohere", "deepseek"),
    "azure.ai.openai": ("openai",),
    "az.ai.inference": ("openai", "mistral", "cohere", "deepseek"),
    "az.ai.openai": ("openai",),
    "azure_openai": ("openai",),
    "bedrock": ("aws", "anthropic"),
    "aws_bedrock": ("aws", "anthropic"),
    "cohere": ("cohere",),
    "deepseek": ("deepseek",),
    "gcp.gemini": ("google",),
    "gcp.gen_ai": ("google",),
    "gcp.vertex_ai": ("google", "anthropic", "mistral"),
    "gemini": ("google",),
    "google": ("google",),
    "groq": ("groq",),
    "mistral_ai": ("mistral",),
    "mistralai": ("mistral",),
    "moonshot_ai": ("moonshotai",),
    "openai": ("openai",),
    "vertex_ai": ("google", "anthropic", "mistral"),
    "x_ai": ("x-ai",),
    "xai": ("x-ai",),
}
# Where the provider is not told or not known: those who sell models of their own, each by names of its own.
_ANY: Final = ("openai", "anthropic", "google", "mistral", "cohere", "deepseek", "x-ai", "moonshotai", "zai")

# What may stand behind a model's name without making it another model: a date, a number, a stage.
_VERSION: Final = re.compile(
    r"(?:[-@](?:\d{4}-\d{2}-\d{2}|\d{8}|\d{4}|\d{3}|latest|default|preview(?:-\d{2}-(?:\d{2}|\d{4}))?)"
    r"|-v\d+(?::\d+)?)\Z"
)
# The places through which Bedrock and routers name a model: "us.anthropic.claude-...", "openai/gpt-4o".
_REGION: Final = re.compile(r"\A(?:us|eu|apac|au|jp|ca|global|us-gov)\.(?=\w)")
_MAKER: Final = re.compile(r"\A(?:anthropic|mistral|cohere|deepseek|openai)\.(?=\w)")


class _Price(Protocol):
    @property
    def input(self) -> float: ...
    @property
    def output(self) -> float: ...


class Rates(NamedTuple):
    """Picodollars for one token of each kind."""

    input: int
    output: int
    cache_read: int
    cache_write: int


class Usage(NamedTuple):
    """The tokens of one answer; those read from a cache and written to one are among the input's."""

    input: int
    output: int
    cache_read: int = 0
    cache_write: int = 0


#: The attributes that tell tokens.
USAGE: Final = frozenset(
    {
        *ALIASES["usage.input_tokens"].attributes,
        *ALIASES["usage.output_tokens"].attributes,
        semconv.USAGE_CACHE_READ_TOKENS,
        semconv.USAGE_CACHE_WRITE_TOKENS,
    }
)


def usage_of(attributes: Mapping[str, Any]) -> Usage:
    """The tokens that the attributes tell. What cannot be a count of tokens counts as none."""
    read = (
        _count(first_of(attributes, ALIASES["usage.input_tokens"].attributes)),
        _count(first_of(attributes, ALIASES["usage.output_tokens"].attributes)),
        _count(attributes.get(semconv.USAGE_CACHE_READ_TOKENS)),
        _count(attributes.get(semconv.USAGE_CACHE_WRITE_TOKENS)),
    )
    return Usage(*read)


def _count(value: Any) -> int:
    return value if type(value) is int and 0 < value < MAX_TOKENS else 0


def cost(usage: Usage, rates: Rates) -> int:
    """What the tokens cost, in picodollars.

    The conventions count cached tokens among the input's. Some instrumentations do not: then there are more
    of them than the input has, and nothing is left that costs the full price.
    """
    plain = max(0, usage.input - usage.cache_read - usage.cache_write)
    return (
        plain * rates.input
        + usage.cache_read * rates.cache_read
        + usage.cache_write * rates.cache_write
        + usage.output * rates.output
    )


class Prices:
    """The prices of one bundle over the table that comes with the package. Threads may share it.

    Args:
        own: By model, in US dollars for a million tokens; a name may have ``*`` at its end. They hold for
            every provider, and cached tokens cost what others do. ``*`` alone is every model that has no
            other price.
        warn: Log the models that have no price, each once.
    """

    def __init__(self, own: Mapping[str, _Price] | None = None, *, warn: bool = False) -> None:
        priced = {
            name.lower(): {"input": each.input, "output": each.output} for name, each in (own or {}).items()
        }
        rates = {name: _rates(row) for name, row in priced.items()}
        self._others = rates.pop("*", None)
        self._own = _Names(rates)
        self._warn = warn
        self._remembered: dict[tuple[str, str, str], Rates | None] = {}
        self._logged: set[str] = set()
        #: Answers of models without a price: what they cost is missing in every sum.
        self.unpriced = 0

    def cost_of(self, usage: Usage, attributes: Mapping[str, Any]) -> int:
        """What an answer with these tokens costs, in picodollars; 0, and counted, where no price is known."""
        asked = first_text(attributes, (semconv.REQUEST_MODEL,))[:_MAX_NAME]
        answered = first_text(attributes, (semconv.RESPONSE_MODEL,))[:_MAX_NAME]
        provider = first_text(attributes, ALIASES["model.provider"].attributes)[:_MAX_NAME]
        rates = self._known(asked, answered, provider)
        if rates is None:
            self._miss(answered or asked)
            return 0
        return cost(usage, rates)

    def _known(self, asked: str, answered: str, provider: str) -> Rates | None:
        names = (asked, answered, provider)
        if names not in self._remembered:
            if len(self._remembered) >= _MAX_REMEMBERED:
                self._remembered.clear()
            self._remembered[names] = self.find(asked, answered, provider)
        return self._remembered.get(names)

    def find(self, asked: str, answered: str = "", provider: str = "") -> Rates | None:
        """The rates of a model, by the name that was asked for and the one that answered.

        The bundle's prices come first, by either name; then the table's, by the one that answered.
        """
        for name in (asked, answered):
            if name and (rates := self._own.find_any_version(name.lower())):
                return rates
        sections = _PROVIDERS.get(provider.lower(), _ANY)
        found = (
            _table()[section].find_any_version(each)
            for name in (answered, asked)
            for each in _spellings(name)
            for section in sections
        )
        return next((rates for rates in found if rates is not None), self._others)

    def _miss(self, model: str) -> None:
        """Count it; and say it once for each model, a few times at most."""
        self.unpriced += 1
        if self._warn and model not in self._logged and len(self._logged) < _MAX_LOGGED:
            self._logged.add(model)
            _log.warning(
                "model %r has no price, so that its tokens cost 0 here: add it under 'spec.prices'",
                model[:128],
            )


class _Names:
    """Rates by name: as written out, by the beginnings that end in ``*``, and without a version behind it."""

    def __init__(self, rates: Mapping[str, Rates]) -> None:
        self._exact = {name: each for name, each in rates.items() if not name.endswith("*")}
        beginnings = ((name[:-1], each) for name, each in rates.items() if name.endswith("*"))
        # The longest beginning says most.
        self._beginnings = sorted(beginnings, key=lambda pair: (-len(pair[0]), pair[0]))

    def find(self, name: str) -> Rates | None:
        exact = self._exact.get(name)
        if exact is not None:
            return exact
        for beginning, rates in self._beginnings:
            if name.startswith(beginning):
                return rates
        return None

    def find_any_version(self, name: str) -> Rates | None:
        """The rates of the name, or of the name without a version behind it."""
        rates = self.find(name)
        version = _VERSION.search(name) if rates is None else None
        return self.find(name[: version.start()]) if version else rates


def _spellings(name: str) -> list[str]:
    """The name, without the router before it, and without Bedrock's region and maker."""
    spelled = [name.lower()]
    spelled.append(spelled[-1].rpartition("/")[2])
    spelled.append(_REGION.sub("", spelled[-1]))
    spelled.append(_MAKER.sub("", spelled[-1]))
    return [each for each in dict.fromkeys(spelled) if each]


def _rates(row: Mapping[str, Any]) -> Rates:
    """A row of the table. A kind of cached token without a price of its own costs what input does."""
    base = row.get("input", 0.0)
    prices = (base, row.get("output", 0.0), row.get("cache_read", base), row.get("cache_write", base))
    return Rates(*(round(price * _PER_MILLION) for price in prices))


@cache
def _table() -> Mapping[str, _Names]:
    """The built-in table, read when the first price is asked for."""
    table = json.loads((files("promethios.governance") / "prices.json").read_text(encoding="utf-8"))
    return {
        provider: _Names(
            {name: _rates(row) for model, row in models.items() for name in (model, *row.get("names", ()))}
        )
        for provider, models in table["models"].items()
    }
