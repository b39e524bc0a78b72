"""Sends everything through OpenTelemetry Python's exporters of OTLP/JSON, and says how much that was.

Reads AGENT and COUNT; the exporters read their own OTEL_EXPORTER_OTLP_*.
"""

import json
import os

from opentelemetry.exporter.otlp.json.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.json.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.json.http.trace_exporter import OTLPSpanExporter
from tests.support.stock import Stock, send_everything

stock = Stock(OTLPSpanExporter(), OTLPMetricExporter(), OTLPLogExporter())
print(json.dumps(send_everything(stock, os.environ["AGENT"], int(os.environ["COUNT"]))))
