"""An agent that works on, whoever takes its telemetry or does not. It ends when nothing waits any more."""

import time

from promethios.exporter import configure
from promethios.governance import PolicyViolation

promethios = configure(policies="policies.yaml", service_name="shop", spool_dir="spool")


@promethios.governor.guard("tool")
def refund(order: int, amount: float) -> str:
    return f"refunded {amount} for {order}"


for order in range(1, 21):
    try:
        refund(order, 9000.0 if order % 5 == 0 else 20.0)
    except PolicyViolation as violation:
        print(violation)
    time.sleep(0.2)

while promethios.flush(timeout=30).parked:
    time.sleep(0.1)
