"""A plug-in detector around Presidio's analyzer: its recognizers by pattern, without a language model.

With one, give `AnalyzerEngine` an `nlp_engine` of yours; `find` stays the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import NlpArtifacts, NlpEngine
from presidio_analyzer.predefined_recognizers import CryptoRecognizer, UsLicenseRecognizer


class NoLanguageModel(NlpEngine):
    """What Presidio wants beside recognizers that need none."""

    def load(self) -> None:
        """Nothing to load."""

    def is_loaded(self) -> bool:
        """Always."""
        return True

    def process_text(self, text: str, language: str) -> NlpArtifacts:
        """No entities, no tokens."""
        return NlpArtifacts([], [], [], [], self, language)

    def process_batch(self, texts: Any, language: str, **_: Any) -> Iterator[Any]:
        """As `process_text`, one by one."""
        return ((text, self.process_text(text, language)) for text in texts)

    def is_stopword(self, word: str, language: str) -> bool:
        """None is."""
        return False

    def is_punct(self, word: str, language: str) -> bool:
        """None is."""
        return False

    def get_supported_entities(self) -> list[str]:
        """None."""
        return []

    def get_supported_languages(self) -> list[str]:
        """English."""
        return ["en"]


class PresidioDetector:
    """Finds addresses of crypto wallets and American driving licences, in the background."""

    asynchronous = True

    def __init__(self) -> None:
        registry = RecognizerRegistry(recognizers=[CryptoRecognizer(), UsLicenseRecognizer()])
        self._analyzer = AnalyzerEngine(registry=registry, nlp_engine=NoLanguageModel())

    def find(self, text: str) -> list[tuple[int, int]]:
        """Where Presidio is sure enough."""
        found = self._analyzer.analyze(text=text, language="en", score_threshold=0.5)
        return [(result.start, result.end) for result in found]
