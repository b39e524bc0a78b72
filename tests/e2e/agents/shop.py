"""An agent that calls a model and knows OpenTelemetry's API; of Promethios it knows nothing."""

import os

from openai import OpenAI
from opentelemetry import metrics, trace
from opentelemetry._logs import LogRecord, get_logger

client = OpenAI(base_url=os.environ["LLM"], api_key="unused", max_retries=0)
orders = metrics.get_meter("shop").create_counter("orders")

for model, question in (
    ("gpt-4o-mini", "Where is my order?"),
    ("gpt-4o-mini", "My card is 4111 1111 1111 1111."),
    ("gpt-4", "Write a poem."),
):
    with trace.get_tracer("shop").start_as_current_span(f"ask {model}"):
        try:
            client.chat.completions.create(model=model, messages=[{"role": "user", "content": question}])
            print(f"{model}: answered")
        except Exception as error:
            print(f"{model}: {type(error).__name__}")
    orders.add(1)

get_logger("shop").emit(LogRecord(body="closed, card 4111 1111 1111 1111"))
