"""What a mistake was probably meant to be."""

from __future__ import annotations

from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A question that names the most similar of the `known` words, or nothing where none is similar."""
    similar = _nearest(word, known)
    return f"did you mean '{similar}'?" if similar else ""


def nearest_name(dotted: str, known: Iterable[str]) -> str:
    """What a dotted name was meant to be: of those that begin alike the nearest, or all of them."""
    names = sorted(known)
    group, _, rest = dotted.partition(".")
    alike = {name.partition(".")[2]: name for name in names if name.startswith(group + ".")}
    if not rest or not alike:
        return did_you_mean(dotted, names)
    if rest.partition(".")[0] in names:
        return f"did you mean '{rest}'?"
    similar = _nearest(rest, alike)
    return f"did you mean '{alike[similar]}'?" if similar else f"there is {', '.join(alike.values())}"


def _nearest(word: str, known: Iterable[str]) -> str | None:
    """The most similar of the `known` words, if any is similar."""
    # Here, because an agent whose policies have no mistakes keeps its module in memory for nothing.
    from difflib import get_close_matches

    return next(iter(get_close_matches(word, list(known), n=1, cutoff=0.6)), None)
