"""The program that makes frames as the Infinity data source does, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.infinity import BadAnswer, Field, Frame, Infinity
from tests.support.infinity_backend.build import infinity_backend


@dataclass(frozen=True)
class Made:
    """A frame as Grafana gets it, its fields in its order.

    Attributes:
        frame: The frame.
        swallowed: What went wrong when a long series should have become a wide one; the data source does not
            tell, and a panel then draws something else. Empty where nothing did.
        alerts: Whether each row of it can be an alert.
        answer: What the receiver answered.
    """

    frame: Frame
    swallowed: str
    alerts: bool
    answer: Any


@dataclass(frozen=True)
class Replayed(Infinity):
    """The stand-in, given an answer: two questions to a receiver that works would differ."""

    answer: Any = None

    def _fetch(self, target: Mapping[str, Any]) -> Any:
        return self.answer


class InfinityBackend:
    """The program, at a receiver and with a key.

    Raises:
        NotBuilt: There is no Go to build it with.
    """

    def __init__(self, url: str, key: str) -> None:
        self._process = subprocess.Popen(
            [infinity_backend()],
            env={**os.environ, "RECEIVER_URL": url, "RECEIVER_KEY": key, "NO_PROXY": "127.0.0.1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> InfinityBackend:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def ask(self, target: Mapping[str, Any], infinity: Infinity) -> Made:
        """What a query gives, with the variables of `infinity` filled in.

        Raises:
            BadAnswer: The data source would show an error.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(_filled(target, infinity)) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise BadAnswer(answer["error"])
        return Made(_frame(answer["frame"]), answer.get("swallowed", ""), answer["alert"], answer["body"])


def _filled(target: Mapping[str, Any], infinity: Infinity) -> dict[str, Any]:
    """What the front end sends to the back end: the query without variables."""
    params = [
        {"key": param["key"], "value": infinity.fill(param["value"])}
        for param in target["url_options"]["params"]
    ]
    computed = [
        {**column, "selector": infinity.fill(column["selector"])} for column in target["computed_columns"]
    ]
    return {
        **{name: target[name] for name in ("refId", "format", "root_selector", "columns")},
        "url": infinity.fill(target["url"]),
        "url_options": {"params": params},
        "computed_columns": computed,
    }


def _frame(encoded: Mapping[str, Any]) -> Frame:
    """A frame from the form in which it goes to the browser.

    https://grafana.com/developers/plugin-tools/how-to-guides/data-source-plugins/data-frames
    """
    fields = encoded["schema"].get("fields", [])
    values = encoded["data"]["values"]
    return Frame(
        [
            Field(field["name"], field["type"], column, field.get("labels") or {})
            for field, column in zip(fields, values, strict=True)
        ]
    )
