"""An agent that puts a card number wherever it can: prompt, tool, log, exception, streamed answer."""

import logging
import os
import sys

from openai import OpenAI
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor

from promethios.exporter import configure

CARD = "4111 1111 1111 1111"


def main() -> None:
    promethios = configure(service_name="leaky", log_level="INFO")
    OpenAIInstrumentor().instrument()
    client = OpenAI(base_url=os.environ["LLM"], api_key="unused")
    messages = [{"role": "user", "content": f"charge {CARD}"}]
    with promethios.governor.conversation("c-card"):
        client.chat.completions.create(model="gpt-4o-mini", messages=messages)
        for _ in client.chat.completions.create(model="gpt-4o-mini", messages=messages, stream=True):
            pass
        logging.getLogger("shop").warning("charged %s", CARD)
        logging.getLogger("shop").warning("charged", extra={"card": CARD})
        try:
            arguments = {"card": CARD, "deep": [{"n": CARD}]}
            with promethios.governor.guard("tool", name="charge", arguments=arguments) as call:
                call.result = {"charged": CARD}
                raise ValueError(f"declined: {CARD}")
        except ValueError:
            logging.getLogger("shop").exception("failed")
    result = promethios.shutdown()
    sys.exit(result.parked + result.dropped)


if __name__ == "__main__":
    main()
