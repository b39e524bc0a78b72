"""The load generator, in a process of its own: sends bodies that were packed before, and times each answer.

    python -m tests.benchmarks.ingest_load JOB

The job is a JSON file; what was found is one JSON object on standard output. At full speed each connection
sends its next request when the last is answered. At a rate, requests have their times in advance, and an
answer is timed from there: what waits because the receiver was slow counts as slow.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Job:
    """What to send.

    Args:
        url: Where to.
        headers: Of each request.
        bodies: A folder with a file for each body, sent in the order of their names.
        connections: How many send at once.
        rate: Requests a second over all connections; 0 for as fast as they are answered.
    """

    url: str
    headers: dict[str, str]
    bodies: str
    connections: int
    rate: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """What became of it.

    Args:
        seconds: From the first request to the last answer.
        latencies: Seconds to each answer, sorted.
        processor_seconds: CPU time of the load generator itself.
    """

    seconds: float
    latencies: list[float]
    processor_seconds: float


def run(job: Job) -> Outcome:
    """Send every body once; any answer but 200 is an error."""
    bodies = deque(enumerate(file.read_bytes() for file in sorted(Path(job.bodies).iterdir())))
    latencies: list[float] = []
    errors: list[BaseException] = []
    started = time.perf_counter()

    def send() -> None:
        try:
            _send(job, bodies, started, latencies)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=send) for _ in range(job.connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return Outcome(time.perf_counter() - started, sorted(latencies), time.process_time())


def _send(job: Job, bodies: deque[tuple[int, bytes]], started: float, latencies: list[float]) -> None:
    parts = urlsplit(job.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    while True:
        try:
            number, body = bodies.popleft()
        except IndexError:
            connection.close()
            return
        due = time.perf_counter()
        if job.rate:
            due = started + number / job.rate
            time.sleep(max(0.0, due - time.perf_counter()))
        connection.request("POST", parts.path, body, job.headers)
        answer = connection.getresponse()
        said = answer.read()
        latencies.append(time.perf_counter() - due)
        if answer.status != 200:
            raise RuntimeError(f"request {number} was answered {answer.status} {said[:200]!r}")


if __name__ == "__main__":
    print(json.dumps(asdict(run(Job(**json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))))))
