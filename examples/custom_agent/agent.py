"""An agent without a framework: `governor.guard` around its own tools, of whatever shape they are."""

import asyncio
from collections.abc import AsyncIterator, Iterator

from promethios.governance import Governor, PolicyViolation

governor = Governor.from_file("policies.yaml")


@governor.guard("tool")
def refund(order: str, amount: float) -> str:
    return f"refunded {amount} for {order}"


@governor.guard("tool")
async def search(name: str) -> dict[str, str]:
    return {"name": name, "card": "4111 1111 1111 1111"}


@governor.guard("tool")
def orders(name: str) -> Iterator[str]:
    yield f"{name} has order 1042, "
    yield "paid with 4111 1111 "
    yield "1111 1111, and no other"


@governor.guard("response")
async def answer(words: list[str]) -> AsyncIterator[str]:
    for word in words:
        yield f"{word} "


async def main() -> None:
    with governor.conversation("c-1", agent="clerk"):
        for amount in (20.0, 9000.0):
            try:
                print(refund("1042", amount))
            except PolicyViolation as violation:
                print(violation)
        for name in ("Ann", "Bob", "Eve"):
            try:
                print(await search(name))
            except PolicyViolation as violation:
                print(violation)
        print("".join(orders("Ann")))
        words = ["Your", "card", "4111", "1111", "1111", "1111", "was", "charged"]
        said = [text async for text in answer(words)]
        print("".join(said).rstrip())


asyncio.run(main())
