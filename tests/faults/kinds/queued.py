"""A Celery worker whose tasks are an agent's work; nothing here knows how its processes end."""

from __future__ import annotations

import os

from celery import Celery
from tests.faults.kinds.recording import start, work

agent = start()
folder = os.environ["QUEUE"]
app = Celery("tasks", broker="filesystem://", backend=f"file://{folder}/results")
app.conf.worker_hijack_root_logger = False  # it would take our handler off the root logger
app.conf.broker_transport_options = {
    "data_folder_in": f"{folder}/messages",
    "data_folder_out": f"{folder}/messages",
    "control_folder": f"{folder}/control",
}


@app.task(name="work")
def task(tool: str) -> str:
    return work(agent, tool)
