"""A Celery worker whose tasks are an agent's tools. Its processes are forked; each tells what it decided."""

import os

from celery import Celery
from celery.signals import worker_process_shutdown

from promethios.exporter import configure
from promethios.governance import PolicyViolation

promethios = configure(policies="policies.yaml", service_name="celery-worker")
governor = promethios.governor

folder = os.environ["QUEUE"]
app = Celery("tasks", broker="filesystem://", backend=f"file://{folder}/results")
app.conf.broker_transport_options = {
    "data_folder_in": f"{folder}/messages",
    "data_folder_out": f"{folder}/messages",
    "control_folder": f"{folder}/control",
}


@governor.guard("tool")
def delete_user(name: str) -> str:
    return f"deleted {name}"


@governor.guard("tool")
def greet_user(name: str) -> str:
    return f"hello {name}"


@app.task
def work(tool: str, name: str) -> str:
    """Use a tool, in a child of the worker."""
    try:
        return {"delete_user": delete_user, "greet_user": greet_user}[tool](name)
    except PolicyViolation as violation:
        return str(violation)


@worker_process_shutdown.connect
def deliver(**_: object) -> None:
    promethios.shutdown()
