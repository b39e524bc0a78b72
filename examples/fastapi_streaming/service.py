"""A FastAPI service that streams a model's answer; what policies block never leaves."""

import os
from collections.abc import AsyncIterator

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, StreamingResponse
from openai import AsyncOpenAI

from promethios.exporter import configure
from promethios.governance import PolicyViolation

promethios = configure(policies="policies.yaml", service_name="fastapi-streaming")
governor = promethios.governor
client = AsyncOpenAI(base_url=os.environ["LLM"], api_key="unused", max_retries=0)
app = FastAPI()


@app.exception_handler(PolicyViolation)
async def refused(_: Request, violation: PolicyViolation) -> JSONResponse:
    """Before the first byte a violation is an answer of its own."""
    return JSONResponse({"error": str(violation)}, status_code=403)


@app.get("/chat")
async def chat(q: str, model: str = "gpt-4o-mini", conversation: str = "none") -> StreamingResponse:
    with governor.conversation(conversation, agent="desk"):
        stream = await client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": q}], stream=True
        )
        return StreamingResponse(spoken(stream), media_type="text/plain")


@governor.guard("response")
async def spoken(stream: AsyncIterator) -> AsyncIterator[str]:
    """The texts of the answer. Where a policy stops it in the middle, the service says so and ends."""
    try:
        async for chunk in stream:
            if chunk.choices and chunk.choices[0].delta.content:
                yield chunk.choices[0].delta.content
    except PolicyViolation as violation:
        yield f"\n[stopped: {violation.reason}]\n"


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")), log_level="warning")
    promethios.shutdown()
