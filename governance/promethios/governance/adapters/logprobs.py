"""Log probabilities: a text once more, token by token, where no detector finds what it finds in the text.

Where something was redacted of a text, its log probabilities go as a whole: a placeholder has none, and the
tokens, their bytes and their alternatives are what was taken out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from promethios.governance.enforcement.channels import Piece

#: What providers call them: OpenAI and those who speak its protocol, and Google.
_NAMES: Final = ("logprobs", "logprobsResult", "logprobs_result")


def without_logprobs(before: Any, after: Any) -> Any:
    """`after`, without the log probabilities of every map in it that `before` had otherwise.

    Args:
        before: Plain values as they came.
        after: The same after redaction, with the same keys and lengths.
    """
    if after is before:
        return after
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return _map(before, after)
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return [without_logprobs(old, new) for old, new in zip(before, after, strict=True)]
    return after


def _map(before: Mapping[str, Any], after: Mapping[str, Any]) -> Mapping[str, Any]:
    if after == before:
        return after
    kept = {name: without_logprobs(before.get(name), value) for name, value in after.items()}
    return {**kept, **{name: _nothing(kept[name]) for name in _NAMES if kept.get(name)}}


def with_logprobs(said: Piece | None, owner: Any) -> Piece | None:
    """A piece that takes the log probabilities in `owner` along when another text is put in its place."""
    name = next((name for name in _NAMES if _get(owner, name)), None)
    if said is None or name is None:
        return said

    def put(text: str) -> None:
        said.put(text)
        _set(owner, name, _nothing(_get(owner, name)))

    return Piece(said.channel, said.text, put)


def _nothing(value: Any) -> Any:
    """What says that there are none, of the type that was there."""
    return [] if isinstance(value, list) else None


def _get(owner: Any, name: str) -> Any:
    return owner.get(name) if isinstance(owner, dict) else getattr(owner, name, None)


def _set(owner: Any, name: str, value: Any) -> None:
    if isinstance(owner, dict):
        owner[name] = value
    else:
        object.__setattr__(owner, name, value)
