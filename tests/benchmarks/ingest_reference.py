"""The reference: what a good hour's work gives. One process, `http.server`, one transaction for each request.

    python -m tests.benchmarks.ingest_reference DATABASE

It is correct as far as it goes: protobuf and gzip, a row for each span with its attributes as JSON, four
indexes, ``synchronous=FULL``, stored before it is acknowledged, once for each span id. It has no keys, no
limits, no validation, no agents or decisions, no JSON, gRPC or questions. It prints its port.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_TABLE = """
CREATE TABLE spans (id INTEGER PRIMARY KEY, trace_id BLOB, span_id BLOB, parent BLOB, name TEXT, kind INTEGER,
                    start INTEGER, end INTEGER, status INTEGER, service TEXT, model TEXT, attributes TEXT);
CREATE UNIQUE INDEX by_id ON spans (trace_id, span_id);
CREATE INDEX by_start ON spans (start);
CREATE INDEX by_service ON spans (service, start);
CREATE INDEX by_model ON spans (model, start);
"""
_INSERT = "INSERT OR IGNORE INTO spans VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


def _attributes(pairs: Any) -> dict[str, Any]:
    found = {}
    for pair in pairs:
        kind = pair.value.WhichOneof("value")
        held = None if kind is None else getattr(pair.value, kind)
        found[pair.key] = held if isinstance(held, str | int | float | bool) else str(held)
    return found


def rows_of(body: bytes) -> list[tuple[Any, ...]]:
    """The rows that a request becomes."""
    rows = []
    for resource_spans in ExportTraceServiceRequest.FromString(body).resource_spans:
        service = _attributes(resource_spans.resource.attributes).get("service.name")
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                held = _attributes(span.attributes)
                rows.append(
                    (span.trace_id, span.span_id, span.parent_span_id, span.name, span.kind,
                     span.start_time_unix_nano, span.end_time_unix_nano, span.status.code, service,
                     held.get("gen_ai.request.model"), json.dumps(held))
                )  # fmt: skip
    return rows


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    lock = threading.Lock()
    database: sqlite3.Connection

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        rows = rows_of(zlib.decompress(body, 31))
        with self.lock, self.database:
            self.database.executemany(_INSERT, rows)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def main(path: str) -> None:
    """Serve until killed."""
    _Handler.database = sqlite3.connect(path, check_same_thread=False)
    _Handler.database.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;" + _TABLE)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
