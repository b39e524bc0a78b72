"""Fuzz one decoder, guided by coverage: ``python -m tests.fuzz.run json --seconds 60 --work DIR``.

Ends with status 0 when nothing was found. What was is in the folder, as a file ``crash-…`` or ``timeout-…``.
It belongs into `tests/fuzz/findings/TARGET/` when it is mended, so that it is tried for ever.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import atheris

PACKAGES = ["promethios.receiver.otlp", "promethios.receiver.ingest", "promethios.receiver.plain"]
LONGEST_INPUT = 4_096
#: An input that takes longer is a finding, seconds: so many that a busy machine is none.
SLOWEST = 60

with atheris.instrument_imports(include=PACKAGES):
    from tests.fuzz import targets


def main() -> None:
    """Write the corpus, and fuzz."""
    parser = argparse.ArgumentParser()
    parser.add_argument("target", choices=targets.TARGETS)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--work", type=Path, required=True, help="an empty folder")
    given = parser.parse_args()
    corpus, words = given.work / "corpus", given.work / "words"
    corpus.mkdir()
    for number, seed in enumerate(targets.seeds(given.target)):
        (corpus / str(number)).write_bytes(seed)
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in targets.words(given.target)))
    options = [
        f"-max_total_time={given.seconds}",
        f"-max_len={LONGEST_INPUT}",
        f"-timeout={SLOWEST}",
        f"-artifact_prefix={given.work}/",
        f"-dict={words}",
        "-seed=1",
        "-print_final_stats=1",
    ]
    with targets.opened(given.target) as target:
        atheris.Setup([sys.argv[0], *options, str(corpus)], lambda data: target(data) and None)
        atheris.Fuzz()


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


if __name__ == "__main__":
    main()
