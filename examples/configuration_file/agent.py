"""An agent that knows nothing of OpenTelemetry or of Promethios."""

import os

from openai import OpenAI

client = OpenAI(base_url=os.environ["LLM"], api_key="unused")

for model, question in (
    ("gpt-4o-mini", "Where is my order 4711?"),
    ("gpt-4o-mini", "My card is 4111 1111 1111 1111. Is it on file?"),
    ("gpt-4", "Write a poem."),
):
    try:
        client.chat.completions.create(model=model, messages=[{"role": "user", "content": question}])
        print(f"{model}: answered")
    except Exception as error:
        print(f"{model}: {error}")
