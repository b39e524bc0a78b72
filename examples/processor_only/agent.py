"""An agent with the official instrumentation and stock exporters: the processor is the only line of ours.

Needs PROMETHIOS_ENDPOINT, PROMETHIOS_API_KEY, PROMETHIOS_POLICIES, and LLM (the base URL of an OpenAI API).
"""

import os

from openai import OpenAI
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from promethios.governance import GovernanceSpanProcessor, Governor, PolicyViolation


def main() -> None:
    provider = TracerProvider(resource=Resource.create({"service.name": "plain"}))
    governor = Governor.from_file(os.environ["PROMETHIOS_POLICIES"])
    provider.add_span_processor(GovernanceSpanProcessor(governor))
    headers = {"Authorization": f"Bearer {os.environ['PROMETHIOS_API_KEY']}"}
    exporter = OTLPSpanExporter(f"{os.environ['PROMETHIOS_ENDPOINT']}/v1/traces", headers=headers)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    OpenAIInstrumentor().instrument(tracer_provider=provider)
    client = OpenAI(base_url=os.environ["LLM"], api_key="unused")
    try:
        client.chat.completions.create(model="gpt-4", messages=[{"role": "user", "content": "hi"}])
    except PolicyViolation as violation:
        print(violation)
    provider.shutdown()


if __name__ == "__main__":
    main()
