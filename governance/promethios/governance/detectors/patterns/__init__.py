"""Regular expressions, and sets of them that are looked for together.

With RE2 (google-re2) the cost is linear in the text, whatever the pattern, and a set costs about as much as
one pattern. Where it has no wheel and could not be built, Python's own `re` does the same more slowly, for
the built-in patterns and for those of users that cannot take long. Both answer offsets in what `encode`
makes of a text, and mean the same by a pattern (RE2's syntax).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from promethios.governance.detectors.patterns.error import PatternError

if TYPE_CHECKING:
    from promethios.governance.detectors.patterns.re2_engine import Encoded, Pattern, PatternSet, encode

    ENGINE: Final[str] = "re2"
else:
    try:
        from promethios.governance.detectors.patterns.re2_engine import Encoded, Pattern, PatternSet, encode

        #: What runs the patterns: ``re2`` or ``re``.
        ENGINE = "re2"
    except ImportError:
        from promethios.governance.detectors.patterns.python_engine import (
            Encoded,
            Pattern,
            PatternSet,
            encode,
        )

        ENGINE = "re"

__all__ = ["ENGINE", "Encoded", "Pattern", "PatternError", "PatternSet", "encode"]
