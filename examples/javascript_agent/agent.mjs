// An agent in JavaScript: OpenTelemetry JS tells what it does, plain JSON tells the rest.
//
// Needs PROMETHIOS_ENDPOINT, PROMETHIOS_API_KEY, and LLM (the base URL of an OpenAI API).

import { SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";

const { PROMETHIOS_ENDPOINT: endpoint, PROMETHIOS_API_KEY: key, LLM: llm } = process.env;
const agent = "js-support";
const forbidden = new Set(["delete_customer"]);

const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({ "service.name": agent, "deployment.environment.name": "prod" }),
  spanProcessors: [
    new BatchSpanProcessor(
      new OTLPTraceExporter({ url: `${endpoint}/v1/traces`, headers: { authorization: `Bearer ${key}` } }),
    ),
  ],
});
provider.register();
const tracer = trace.getTracer("js-support");

/** One object, or a list of them, to one of the plain JSON endpoints. */
async function tell(what, body) {
  const answer = await fetch(`${endpoint}/api/v1/${what}`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`POST ${what}: ${answer.status} ${await answer.text()}`);
  console.log(`told ${what}`);
}

/** A span as the GenAI conventions describe it, around the work. */
function operation(name, attributes, work) {
  return tracer.startActiveSpan(name, { kind: SpanKind.CLIENT, attributes }, async (span) => {
    try {
      return await work(span);
    } catch (error) {
      span.recordException(error);
      span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
      throw error;
    } finally {
      span.end();
    }
  });
}

function ask(model, question) {
  const attributes = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": model,
    "gen_ai.agent.name": agent,
  };
  return operation(`chat ${model}`, attributes, async (span) => {
    const answer = await fetch(`${llm}/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model, messages: [{ role: "user", content: question }] }),
    });
    const { choices, usage } = await answer.json();
    span.setAttributes({
      "gen_ai.usage.input_tokens": usage.prompt_tokens,
      "gen_ai.usage.output_tokens": usage.completion_tokens,
    });
    return choices[0].message.content;
  });
}

/** Runs a tool, unless this agent's own rule forbids it; what the rule did is told as a violation. */
function use(tool, work) {
  const attributes = { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": tool, "gen_ai.agent.name": agent };
  return operation(`execute_tool ${tool}`, attributes, async (span) => {
    if (!forbidden.has(tool)) return work();
    const { traceId, spanId } = span.spanContext();
    await tell("violations", {
      agent_id: agent,
      policy_id: "no-delete",
      severity: "high",
      action: "block",
      reason: `${tool} is forbidden`,
      tool,
      trace_id: traceId,
      span_id: spanId,
    });
    throw new Error(`${tool} is forbidden`);
  });
}

await tell("heartbeat", { agent_id: agent });
console.log(await ask("gpt-4o-mini", "Where is my order?"));
await use("delete_customer", () => console.log("deleted")).catch((error) => console.log(`stopped: ${error.message}`));
await tell("metrics", [
  { agent_id: agent, name: "orders.answered", value: 1 },
  { agent_id: agent, name: "queue.length", value: 3, unit: "{order}" },
]);
await tell("logs", { agent_id: agent, severity: "INFO", body: "one question answered" });
await provider.shutdown();
