"""An agent of LangChain with three tools. Two lines of ours govern its runs, its model calls, its tools."""

import os

from langchain.agents import create_agent
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

from promethios.governance import Governor, PolicyViolation
from promethios.governance.adapters import instrument_all

governor = Governor.from_file("policies.yaml")
instrument_all(governor)


@tool
def find_customer(name: str) -> str:
    """Find a customer by name."""
    return f"{name} pays with card 4111 1111 1111 1111 and has order 1042"


@tool
def refund(order: str, amount: float) -> str:
    """Refund an order."""
    return f"refunded {amount} for {order}"


@tool
def delete_customer(name: str) -> str:
    """Delete a customer."""
    raise AssertionError(f"{name} is gone")


model = ChatOpenAI(model="gpt-4o-mini", base_url=os.environ["LLM"], api_key="unused")
agent = create_agent(model, [find_customer, refund, delete_customer], name="support")


def ask(thread: str, text: str) -> None:
    """Ask the agent in a conversation, and print what comes of it."""
    try:
        given = agent.invoke({"messages": [("user", text)]}, {"configurable": {"thread_id": thread}})
        print(f"{thread}: {given['messages'][-1].content}")
    except PolicyViolation as violation:
        print(f"{thread}: {violation}")


ask("monday", 'call find_customer {"name": "Ann"}')
ask("monday", 'call refund {"order": "1042", "amount": 20}')
ask("monday", 'call refund {"order": "1043", "amount": 9000}')
ask("monday", 'call delete_customer {"name": "Ann"}')
ask("monday", 'call find_customer {"name": "Bob"}')
ask("tuesday", 'call find_customer {"name": "Bob"}')
