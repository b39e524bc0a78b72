"""Hands the worker two tasks and prints what came of them."""

from tasks import promethios, work

for tool in ("greet_user", "delete_user"):
    print(f"{tool}: {work.delay(tool, 'Ann').get(timeout=60)}")
promethios.shutdown()
