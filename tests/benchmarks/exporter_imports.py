"""What each module's import takes of Python's memory: its own code and objects, without its imports."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from importlib.machinery import SourceFileLoader
from types import ModuleType


class ImportedBytes:
    """Counts from `install` on, by module, what is allocated while it is executed. Needs `tracemalloc`."""

    def __init__(self) -> None:
        self.by_module: Counter[str] = Counter()
        self._nested = [0]

    def install(self) -> None:
        """Count every import of source or byte code from here on, in this thread."""
        execute = SourceFileLoader.exec_module

        def exec_module(loader: SourceFileLoader, module: ModuleType) -> None:
            before = tracemalloc.get_traced_memory()[0]
            self._nested.append(0)
            try:
                execute(loader, module)
            finally:
                took = tracemalloc.get_traced_memory()[0] - before
                self.by_module[module.__name__] += took - self._nested.pop()
                self._nested[-1] += took

        SourceFileLoader.exec_module = exec_module  # type: ignore[method-assign]

    @property
    def later(self) -> int:
        """What was allocated outside of imports."""
        return tracemalloc.get_traced_memory()[0] - sum(self.by_module.values())
