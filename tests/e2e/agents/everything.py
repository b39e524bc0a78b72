"""An agent that sends all that an agent can: run with PROMETHIOS_ENDPOINT, _API_KEY and _POLICIES set."""

import logging
import sys

from opentelemetry import metrics, trace
from opentelemetry.instrumentation.system_metrics import SystemMetricsInstrumentor

from promethios.exporter import configure
from promethios.governance import PolicyViolation

ORDERS = 300


def main() -> None:
    logging.getLogger().setLevel("INFO")
    promethios = configure(service_name="clerk", log_level="INFO")
    SystemMetricsInstrumentor(
        config={"process.memory.usage": None, "process.cpu.time": ["user", "system"]}
    ).instrument()
    revenue = metrics.get_meter("shop").create_counter("shop.revenue", unit="EUR")
    tracer = trace.get_tracer("shop")
    for number in range(ORDERS):
        with tracer.start_as_current_span("order", attributes={"order.id": number}):
            revenue.add(2.5, {"country": "DE"})
            logging.getLogger("shop").info("order %d taken", number, extra={"order": number})
    with promethios.governor.conversation("c-1"), promethios.governor.guard("tool", name="search"):
        pass
    try:
        with promethios.governor.guard("tool", name="delete_orders"):
            sys.exit("the tool ran")
    except PolicyViolation:
        logging.getLogger("shop").warning("not deleted")
    result = promethios.shutdown()
    print(result)


if __name__ == "__main__":
    main()
