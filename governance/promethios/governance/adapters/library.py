"""What the adapter of a library is: guards that are put on once, and ask the governor of the moment."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar

from wrapt import register_post_import_hook, wrap_function_wrapper

if TYPE_CHECKING:
    from promethios.governance.governor import Governor

_log = logging.getLogger(__name__)

Wrapper = Callable[[Any, Any, tuple[Any, ...], dict[str, Any]], Any]


class LibraryGuard:
    """Puts guards around one library. One for the process.

    A library is not imported for it: what the application imports later is guarded as it is imported.
    What is put there stays, and lets everything pass while there is no governor: taking it out again would
    take out what others put on top of it or below.
    """

    #: The library, as it is imported.
    library: ClassVar[str]
    #: The instrumentations that open a span around exactly the calls that are guarded here.
    scopes: ClassVar[frozenset[str]]
    #: The kinds of operations that are all guarded where these spans stand for one. A framework's models may
    #: be of a provider without an adapter.
    kinds: ClassVar[frozenset[str]] = frozenset({"agent", "model", "tool"})
    governor: ClassVar[Governor | None] = None
    _installed: ClassVar[bool] = False

    def instrument(self, *, governor: Governor) -> None:
        """Guard every call of the library in this process by `governor`, clients that exist already too.

        Raises:
            ModuleNotFoundError: The library is not installed.
        """
        adapter = type(self)
        if not is_installed(adapter.library):
            raise ModuleNotFoundError(f"No module named {adapter.library!r}", name=adapter.library)
        if not adapter._installed:
            adapter.install()
            adapter._installed = True
        self.uninstrument()
        adapter.governor = governor
        governor.guarded_scopes |= adapter.scopes
        governor.guarded_kinds.update(dict.fromkeys(adapter.scopes, adapter.kinds))

    def uninstrument(self) -> None:
        """Take the guards off again."""
        adapter = type(self)
        if adapter.governor is not None:
            adapter.governor.guarded_scopes -= adapter.scopes
            adapter.governor = None

    @classmethod
    def install(cls) -> None:
        """Put the guards on, once for the process."""
        raise NotImplementedError


def is_installed(library: str) -> bool:
    """Whether `library` can be imported; it is not."""
    try:
        return find_spec(library) is not None
    except ModuleNotFoundError:  # of ``google.genai``: there is nothing of Google's
        return False


def wrap_when_imported(module: str, wrappers: Mapping[str, Wrapper]) -> None:
    """Put wrappers around functions of `module`, by name, as soon as somebody imports it."""

    def wrap(imported: Any) -> None:
        for name, wrapper in wrappers.items():
            wrap_function_wrapper(imported, name, wrapper)

    when_imported(module, wrap)


def when_imported(module: str, prepare: Callable[[Any], None]) -> None:
    """Call `prepare` with `module` as soon as somebody imports it; at once where somebody has.

    A release of a library that is made otherwise than expected is ungoverned and says so: the application's
    import does not fail by it.
    """

    def prepared(imported: Any) -> None:
        try:
            prepare(imported)
        except Exception:
            _log.exception("cannot guard the calls of %s: they are not governed", module)

    register_post_import_hook(prepared, module)
