"""Every decoder holds against whatever mutation makes of good inputs: in CI for a minute each."""

from __future__ import annotations

import importlib.util
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.fuzz.targets import TARGETS, opened, seeds, words

ROOT = Path(__file__).parents[2]
FINDINGS = Path(__file__).parent / "findings"
SECONDS = 60 if os.environ.get("CI") == "true" else 3
MUTATIONS = 1_000


@pytest.mark.parametrize("target", TARGETS)
def test_most_seeds_are_taken(target: str) -> None:
    with opened(target) as decoder:
        taken = [decoder(seed) for seed in seeds(target)]
    assert sum(taken) > len(taken) * 0.9


@pytest.mark.parametrize("target", TARGETS)
def test_mutated_inputs_hold(target: str) -> None:
    generator = random.Random(1)
    good, known = seeds(target), words(target)
    with opened(target) as decoder:
        inputs = (mutated(generator, generator.choice(good), known) for _ in range(MUTATIONS))
        taken = [decoder(data) for data in inputs]
    assert 0 < sum(taken) < MUTATIONS


def mutated(generator: random.Random, data: bytes, known: list[bytes]) -> bytes:
    """Some bytes changed, cut out, doubled, or replaced by words of the format."""
    found = bytearray(data)
    for _ in range(generator.randint(1, 4)):
        at, length = generator.randrange(len(found) + 1), generator.choice((0, 1, 1, 4, 64))
        put = generator.choice((generator.randbytes(1), bytes(found[:length]), generator.choice(known), b""))
        found[at : at + length] = put
    return bytes(found)


@pytest.mark.parametrize("target", TARGETS)
def test_what_fuzzing_once_found_holds(target: str) -> None:
    with opened(target) as decoder:
        for finding in sorted(FINDINGS.glob(f"{target}/*")):
            decoder(finding.read_bytes())


@pytest.mark.skipif(not importlib.util.find_spec("atheris"), reason="atheris has no wheel for this platform")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("target", TARGETS)
def test_fuzzing_finds_nothing(target: str, tmp_path: Path) -> None:
    fuzzing = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.run", target, "--seconds", str(SECONDS), "--work", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        errors="replace",
    )
    assert fuzzing.returncode == 0, fuzzing.stderr[-4_000:]
    executed = re.search(r"stat::number_of_executed_units: (\d+)", fuzzing.stderr)
    assert executed is not None, fuzzing.stderr[-4_000:]
    assert int(executed[1]) > len(seeds(target))
