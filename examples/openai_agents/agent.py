"""Two agents of the OpenAI Agents SDK: one hands over to the other. Two lines of ours govern them."""

import asyncio
import os

from agents import (
    Agent,
    OpenAIChatCompletionsModel,
    Runner,
    SQLiteSession,
    function_tool,
    set_tracing_disabled,
)
from openai import AsyncOpenAI

from promethios.governance import Governor, PolicyViolation
from promethios.governance.adapters import instrument_all

governor = Governor.from_file("policies.yaml")
instrument_all(governor)
set_tracing_disabled(True)


@function_tool
def find_invoice(number: str) -> str:
    """Find an invoice."""
    return f"invoice {number} was paid with card 4111 1111 1111 1111"


@function_tool
def pay_out(to: str, amount: float) -> str:
    """Pay money out."""
    return f"paid {amount} to {to}"


async def ask(agent: Agent, session: SQLiteSession, text: str) -> None:
    """Ask the agent, and print what comes of it."""
    try:
        print((await Runner.run(agent, text, session=session)).final_output)
    except PolicyViolation as violation:
        print(violation)


async def main() -> None:
    """Ask four things, each in a conversation of its own."""
    client = AsyncOpenAI(base_url=os.environ["LLM"], api_key="unused")
    model = OpenAIChatCompletionsModel("gpt-4o-mini", client)
    billing = Agent("billing", model=model, tools=[find_invoice, pay_out])
    intern = Agent("intern", model=model, tools=[find_invoice, pay_out])
    support = Agent("support", model=model, tools=[find_invoice], handoffs=[billing, intern])
    asked = [
        (support, 'call find_invoice {"number": "7"}'),
        (billing, 'call pay_out {"to": "Ann", "amount": 40}'),
        (billing, 'call pay_out {"to": "Eve", "amount": 40000}'),
        (support, "call transfer_to_intern {}"),
    ]
    async with client:
        for number, (agent, text) in enumerate(asked):
            await ask(agent, SQLiteSession(f"conversation-{number}"), text)


asyncio.run(main())
