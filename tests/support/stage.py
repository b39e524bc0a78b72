"""A page with one panel of the console on it, served with the files and the headers of the console."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Flask, Response
from werkzeug.serving import WSGIRequestHandler, make_server

from promethios.receiver.console import CONTENT_SECURITY_POLICY, blueprint

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

_SCRIPT = Path(__file__).parents[1] / "browser" / "stage.js"
_SHEETS = (
    *("colors.css", "base.css", "vendor/uPlot.min.css", "panels/panels.css", "panels/charts.css"),
    *("panels/figures.css", "panels/tables.css", "panels/logs.css", "panels/traces.css"),
)
_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Stage</title>
<link rel="icon" href="/console/icon.svg">{sheets}<link rel="stylesheet" href="/stage.css"></head>
<body><main><h1 class="sr">Stage</h1><div id="host"></div></main></body></html>"""
_STYLE = (
    "#host { width: min(900px, 100vw - 16px); height: 300px; position: relative; background: var(--panel) }"
)

START = 1_795_000_000_000
MINUTE = 60_000


class _Quiet(WSGIRequestHandler):
    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Tests have nothing to read here."""


@contextmanager
def serving() -> Iterator[str]:
    """The address of a server that has the console's files and the stage."""
    app = Flask("stage")
    app.register_blueprint(blueprint)
    sheets = "".join(f'<link rel="stylesheet" href="/console/{name}">' for name in _SHEETS)
    policy = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
    answers = {
        "/stage": Response(_PAGE.format(sheets=sheets), headers=policy),
        "/stage.js": Response(_SCRIPT.read_text(), content_type="text/javascript"),
        "/stage.css": Response(_STYLE, content_type="text/css"),
    }
    for path, answer in answers.items():
        app.add_url_rule(path, path, lambda answer=answer: answer)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Stage:
    """One panel on a page.

    Attributes:
        page: The page.
        host: The box that the panel is in, 900 by 300 pixels.
    """

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        page.goto(f"{address}/stage")
        page.evaluate("async () => { window.stage = await import('/stage.js') }")
        self.host: Locator = page.locator("#host")

    def clear(self) -> None:
        """Take the panel away, and what the one before has left: size, pointer, what it asked for."""
        self.page.mouse.move(1279, 899)
        self.page.evaluate("() => window.stage.clear()")

    def show(self, kind: str, *frames: dict[str, Any], **given: Any) -> None:
        """Show a panel, or update it.

        Args:
            kind: Its type, such as ``stat``.
            frames: From `frame`.
            given: ``options``, ``defaults``, ``overrides``, ``title`` of the panel; ``links``, ``theme``,
                ``annotations``, ``range`` of the context.
        """
        config = {"defaults": given.pop("defaults", {}), "overrides": given.pop("overrides", [])}
        panel = {"type": kind, "title": given.pop("title", "A panel"), "options": given.pop("options", {})}
        times = next(
            (field["values"] for one in frames for field in one["fields"] if field["type"] == "time"), []
        )
        span = (
            {"from": times[0], "to": times[-1] + MINUTE} if times else {"from": START, "to": START + MINUTE}
        )
        spec = {"panel": {**panel, "fieldConfig": config}, "frames": list(frames), "range": span, **given}
        self.page.evaluate("(text) => window.stage.show(JSON.parse(text))", json.dumps(_plain(spec)))

    def resize(self, width: int, height: int) -> None:
        """Give the box another size and wait until it is drawn."""
        self.page.evaluate(
            """async ([width, height]) => {
                const host = document.getElementById("host");
                host.style.setProperty("width", `${width}px`);
                host.style.setProperty("height", `${height}px`);
                await window.stage.settled();
            }""",
            [width, height],
        )

    def seen(self, what: str) -> list[Any]:
        """What the panel has asked the dashboard for: ``zoomed``, ``navigated``, ``hovered``."""
        found: list[Any] = self.page.evaluate("(what) => window.stage.seen[what]", what)
        return found

    def colors(self) -> dict[str, int]:
        """How many pixels of the panel's canvas have which colour, as ``r,g,b``; clear ones are left out."""
        counted: dict[str, int] = self.page.evaluate(
            """() => {
                const canvas = document.querySelector("#host canvas");
                const copy = new OffscreenCanvas(canvas.width, canvas.height);
                const context = copy.getContext("2d", { willReadFrequently: true });
                context.drawImage(canvas, 0, 0);
                const { data } = context.getImageData(0, 0, copy.width, copy.height);
                const found = {};
                for (let i = 0; i < data.length; i += 4) {
                    if (data[i + 3] < 200) continue;
                    const key = `${data[i]},${data[i + 1]},${data[i + 2]}`;
                    found[key] = (found[key] ?? 0) + 1;
                }
                return found;
            }"""
        )
        return counted


def _plain(value: Any) -> Any:
    """A value as JSON can carry it: numbers that it has no words for become ``{"$": "NaN"}``."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"$": "NaN" if math.isnan(value) else f"{'-' if value < 0 else ''}Infinity"}
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def field(name: str, kind: str, values: Sequence[object], **labels: str) -> dict[str, Any]:
    """A field of a frame; ``kind`` is time, number, string, boolean or other."""
    return {"name": name, "displayName": name, "type": kind, "labels": labels, "config": {}, "values": values}


def frame(*fields: dict[str, Any]) -> dict[str, Any]:
    """A frame of fields of the same length."""
    return {"name": "", "refId": "A", "length": len(fields[0]["values"]) if fields else 0, "fields": fields}


def times(count: int, step: int = MINUTE) -> list[int]:
    """So many times, a minute apart unless given."""
    return [START + i * step for i in range(count)]


def series(**lines: Sequence[object]) -> dict[str, Any]:
    """A frame of number fields over minutes, by name."""
    length = len(next(iter(lines.values()))) if lines else 0
    return frame(
        field("Time", "time", times(length)), *[field(name, "number", line) for name, line in lines.items()]
    )
