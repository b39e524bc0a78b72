// Sends spans, log records and points of every kind of metric through OpenTelemetry's own exporters, as many as
// COUNT says. FORMAT is proto, http (JSON) or grpc; the rest is in the exporters' own OTEL_EXPORTER_OTLP_*.

import { SeverityNumber, SpanKind } from "@opentelemetry/api";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchLogRecordProcessor, LoggerProvider } from "@opentelemetry/sdk-logs";
import { AggregationType, InstrumentType, MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";

const { AGENT: agent, FORMAT: format } = process.env;
const count = Number(process.env.COUNT);

async function exporter(signal, name) {
  const module = await import(`@opentelemetry/exporter-${signal}-otlp-${format}`);
  return new module[name]();
}

const resource = resourceFromAttributes({ "service.name": agent });
const limits = { maxQueueSize: count, maxExportBatchSize: 512 };
const tracers = new TracerProvider({
  resource,
  spanProcessors: [new BatchSpanProcessor({ exporter: await exporter("trace", "OTLPTraceExporter"), ...limits })],
});
const loggers = new LoggerProvider({
  resource,
  processors: [new BatchLogRecordProcessor({ exporter: await exporter("logs", "OTLPLogExporter"), ...limits })],
});
const meters = new MeterProvider({
  resource,
  readers: [new PeriodicExportingMetricReader({ exporter: await exporter("metrics", "OTLPMetricExporter") })],
  views: [
    {
      instrumentName: "latency.exponential",
      instrumentType: InstrumentType.HISTOGRAM,
      aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM },
    },
  ],
});

const tracer = tracers.getTracer("stock");
const logger = loggers.getLogger("stock");
const meter = meters.getMeter("stock");
const calls = meter.createCounter("calls", { unit: "{call}" });
const open = meter.createUpDownCounter("open");
const load = meter.createGauge("load");
const latency = meter.createHistogram("latency", { unit: "s" });
const exponential = meter.createHistogram("latency.exponential", { unit: "s" });

for (let number = 0; number < count; number += 1) {
  const attributes = { "gen_ai.operation.name": "chat", number, share: number / 3, last: number === count - 1, parts: ["a", "b"] };
  const span = tracer.startSpan(`call ${number}`, { kind: SpanKind.CLIENT, attributes });
  span.addEvent("answered", { number });
  span.end();
  logger.emit({ body: `line ${number}`, severityNumber: SeverityNumber.WARN, attributes: { number } });
  const series = { series: number % 10 };
  calls.add(1, series);
  open.add(number % 2 ? 1 : -1, series);
  load.record(number / 7, series);
  latency.record(number / 1000, series);
  exponential.record(number / 1000, series);
}
await Promise.all([tracers.shutdown(), loggers.shutdown(), meters.shutdown()]);
console.log(JSON.stringify({ spans: count, logs: count, metric_points: 5 * 10 }));
