"""Whether GenAI instrumentations hand their content to our completion hook, where nobody said it.

They look for it once, when they are loaded, and then make messages also where telemetry may hold none. So it
is chosen only where nothing else was, where policies decide at such operations, and where the name is ours.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import Final

from promethios.governance import Governor

VARIABLE: Final = "OTEL_INSTRUMENTATION_GENAI_COMPLETION_HOOK"
_GROUP: Final = "opentelemetry_genai_completion_hook"
_NAME: Final = "promethios"
#: What instrumentations tell of to a hook.
_POINTS: Final = ("model.before", "model.after", "agent.before", "agent.after")


def choose(environ: MutableMapping[str, str], governor: Governor) -> bool:
    """Choose our hook in `environ`, before instrumentations are loaded.

    Args:
        environ: The environment, which is changed. What is set in it already stays, an empty text too: that
            says that no hook is wanted.
        governor: Who would see the content.

    Returns:
        Whether it was chosen here.
    """
    if VARIABLE in environ or not any(map(governor.listens, _POINTS)):
        return False
    if not _is_installed() or len({each.value for each in entry_points(group=_GROUP, name=_NAME)}) != 1:
        return False
    environ[VARIABLE] = _NAME
    return True


def _is_installed() -> bool:
    """Whether anything that calls hooks is here; it is not imported."""
    try:
        return find_spec("opentelemetry.util.genai") is not None
    except ModuleNotFoundError:
        return False
