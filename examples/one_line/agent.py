"""One line governs an agent: policies, guards, telemetry and its delivery. The rest is the agent."""

import os

from openai import OpenAI

from promethios.exporter import configure
from promethios.governance import PolicyViolation

promethios = configure(policies="policies.yaml", service_name="one-line")

client = OpenAI(base_url=os.environ["LLM"], api_key="unused")

for model in ("gpt-4o-mini", "gpt-4"):
    try:
        client.chat.completions.create(model=model, messages=[{"role": "user", "content": "Hello"}])
        print(f"{model}: answered")
    except PolicyViolation as violation:
        print(f"{model}: {violation}")

print(f"delivered: {promethios.shutdown().delivered > 0}")
