"""The ends of a process: what is to be done once, however it ends.

`atexit` sees a normal end. It does not see that of a child of `multiprocessing` (fork and forkserver end by
`os._exit`, behind that module's own finalizers), nor that of a child of Celery's pool (`os._exit`, behind a
signal of Celery's). Those are asked to call us where they are in use, which costs no import. Nobody can see
`os._exit` in an application's own code, or SIGKILL: what must survive these is in the spool beforehand.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, Final

_logger = logging.getLogger("promethios.exporter")

#: Where children are made that end by `os._exit`, with the same two functions: billiard is Celery's copy.
_MODULES: Final = ("multiprocessing.util", "billiard.util")
_SIGNALS: Final = "celery.signals"
#: Behind the finalizers of queues and pools, and behind the joining of the child's own children.
_LAST: Final = -100


class _Anchor:
    """`register_after_fork` keeps what it registers as long as an object lives: this one lives for ever."""


_anchor: Final = _Anchor()
_todo: dict[Callable[[], Any], None] = {}
_watched: set[str] = set()
_finalizers: dict[str, Any] = {}


def at_end(do: Callable[[], Any]) -> None:
    """Call `do` when this process ends, and when a child that is forked from it does; the latest first.

    Args:
        do: Must be ready to be called again. What it raises is logged.
    """
    _todo[do] = None
    atexit.register(do)
    watch()


def forget(do: Callable[[], Any]) -> None:
    """Call `do` no more."""
    _todo.pop(do, None)
    atexit.unregister(do)


def end() -> None:
    """Do now all that is to be done at the end."""
    for do in reversed(list(_todo)):
        try:
            do()
        except Exception:
            _logger.exception("cannot end as it should")


def watch() -> None:
    """Have every module that is loaded, and ends processes in its own way, call `end` before."""
    for name in _MODULES:
        if util := sys.modules.get(name):
            if name not in _watched:
                _watched.add(name)
                # A child drops the finalizers that it inherited, and then calls this.
                util.register_after_fork(_anchor, partial(_finalize, name, util))
            _finalize(name, util)
    if (signals := sys.modules.get(_SIGNALS)) and _SIGNALS not in _watched:
        _watched.add(_SIGNALS)
        signals.worker_process_shutdown.connect(_end_of_worker, weak=False)


def _finalize(name: str, util: Any, _: object = None) -> None:
    pid, finalizer = _finalizers.get(name, (0, None))
    if pid != os.getpid() or not finalizer.still_active():
        _finalizers[name] = os.getpid(), util.Finalize(None, end, exitpriority=_LAST)


def _end_of_worker(**_: object) -> None:
    end()


# In a child, before any of its code: its parent may have loaded one of the modules in the meantime.
os.register_at_fork(after_in_child=watch)
