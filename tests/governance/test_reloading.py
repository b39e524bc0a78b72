"""Policies that change while an agent runs: swapped whole, under load, and never for worse ones."""

from __future__ import annotations

import gc
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from promethios.governance import Governor, Operation
from promethios.governance.policies import PolicyError, parse_bundle

TEXT = """
apiVersion: promethios.dev/v1alpha1
kind: PolicySet
metadata: {{name: reloading, version: "{version}"}}
spec:
  policies:
    - id: tools
      severity: high
      on: [tool.before]
      match: {{tool: ["{tool}"]}}
      action: block
      onError: block
    - id: calls
      severity: low
      on: [tool.before]
      limit: {{of: calls, max: 5, per: agent}}
      action: block
      onError: block
"""


def text(version: str, tool: str) -> str:
    return TEXT.format(version=version, tool=tool)


def put(file: Path, content: str) -> None:
    """Change a file that is watched in one step: who looks never sees half of it."""
    other = file.with_suffix(".new")
    other.write_text(content)
    other.replace(file)


def call(tool: str) -> Operation:
    return Operation("tool.before", {"gen_ai.tool.name": tool})


@pytest.fixture
def reader() -> InMemoryMetricReader:
    return InMemoryMetricReader()


@pytest.fixture
def governor(reader: InMemoryMetricReader) -> Iterator[Governor]:
    provider = MeterProvider([reader])
    yield Governor.from_text(text("1", "a"), meter_provider=provider)
    provider.shutdown()


def test_other_policies_decide_from_the_next_decision_on(governor: Governor) -> None:
    assert governor.decide(call("a")).enforced == "block"
    governor.use(parse_bundle(text("2", "b")))
    assert governor.bundle.id.version == "2"
    assert governor.decide(call("a")).enforced == "allow"
    decision = governor.decide(call("b"))
    assert (decision.enforced, decision.bundle.version) == ("block", "2")


def test_points_and_redaction_are_swapped_with_the_policies(governor: Governor) -> None:
    redacting = text("2", "b").split("    - id: calls")[0] + (
        "    - {id: r, severity: low, on: [response], action: redact,"
        " detect: {in: [output], any: [pii.card]}}\n"
    )
    assert (governor.listens("response"), governor.redact_text("4111111111111111")) == (
        False,
        "4111111111111111",
    )
    governor.use(parse_bundle(redacting))
    assert (governor.listens("response"), governor.redact_text("4111111111111111")) == (
        True,
        "[REDACTED:pii.card]",
    )


def test_budgets_go_on(governor: Governor) -> None:
    for _ in range(3):
        governor.decide(call("x"))
    governor.use(parse_bundle(text("2", "b")))
    assert [governor.decide(call("x")).enforced.value for _ in range(3)] == ["allow", "allow", "block"]


def test_under_load_each_decision_is_of_one_bundle() -> None:
    bundles = [parse_bundle(text(str(n), f"t{n}").replace("max: 5", "max: 1000000")) for n in range(2)]
    governor = Governor(bundles[0])
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            for bundle in bundles:
                governor.use(bundle)

    def decide(number: int) -> list[tuple[str, str, str]]:
        made = []
        for each in range(100):
            tool = f"t{(number + each) % 2}"
            decision = governor.decide(call(tool))
            made.append((tool, decision.bundle.version, decision.enforced.value))
        return made

    swapper = threading.Thread(target=swap)
    swapper.start()
    with ThreadPoolExecutor(8) as pool:
        made = [each for part in pool.map(decide, range(8)) for each in part]
    stop.set()
    swapper.join()
    assert len(made) == 800
    assert {(tool[1:] == version) == (enforced == "block") for tool, version, enforced in made} == {True}


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline, "it did not happen within 10 s"
        time.sleep(0.01)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "policies.yaml"
    path.write_text(text("1", "a"))
    return path


def reloads(reader: InMemoryMetricReader) -> dict[Any, Any]:
    data: Any = reader.get_metrics_data()
    found = [m for scope in data.resource_metrics[0].scope_metrics for m in scope.metrics]
    points = next((m.data.data_points for m in found if m.name == "promethios.policy.reloads"), [])
    return {point.attributes["outcome"]: point.value for point in points}


def test_a_file_that_changes_is_put_in_force(governor: Governor, file: Path) -> None:
    with governor.watch(file, 0.02):
        file.write_text(text("2", "b"))
        eventually(lambda: governor.bundle.id.version == "2")


def test_a_file_that_is_replaced_is_put_in_force(governor: Governor, file: Path, tmp_path: Path) -> None:
    with governor.watch(file, 0.02):
        other = tmp_path / "new.yaml"
        other.write_text(text("2", "b"))
        other.replace(file)
        eventually(lambda: governor.bundle.id.version == "2")


def test_a_directory_that_is_swapped_as_kubernetes_does_is_put_in_force(
    governor: Governor, tmp_path: Path
) -> None:
    for version, tool in (("1", "a"), ("2", "b")):
        (tmp_path / f"..{version}").mkdir()
        made = tmp_path / f"..{version}" / "policies.yaml"
        made.write_text(text(version, tool))
        os.utime(made, (1, 1))  # the same size and time: only the file is another
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "policies.yaml").symlink_to("..data/policies.yaml")
    with governor.watch(tmp_path / "policies.yaml", 0.02):
        (tmp_path / "..tmp").symlink_to("..2")
        (tmp_path / "..tmp").replace(tmp_path / "..data")
        eventually(lambda: governor.bundle.id.version == "2")


def test_a_change_of_a_base_is_put_in_force(governor: Governor, file: Path, tmp_path: Path) -> None:
    base = tmp_path / "base.yaml"
    base.write_text(text("1", "a"))
    file.write_text(
        'apiVersion: promethios.dev/v1alpha1\nkind: PolicySet\nmetadata: {name: top, version: "1"}\n'
        "spec: {extends: [./base.yaml],"
        " policies: [{id: x, severity: low, on: [response], match: {agent: [z]}, action: flag}]}\n"
    )
    with governor.watch(file, 0.02):
        assert governor.decide(call("b")).enforced == "allow"
        base.write_text(text("1", "b"))
        eventually(lambda: governor.decide(call("b")).enforced == "block")


def test_the_last_good_policies_stay_and_what_is_wrong_is_said_once(
    governor: Governor, file: Path, reader: InMemoryMetricReader, caplog: pytest.LogCaptureFixture
) -> None:
    with governor.watch(file, 0.02) as watch, caplog.at_level(logging.INFO, "promethios"):
        put(file, "kind: [")
        eventually(lambda: len(caplog.records) == 1)
        watch.look()
        watch.look()
        assert governor.decide(call("a")).enforced == "block"
        assert len(caplog.records) == 1
        message = caplog.records[0].getMessage()
        assert message.startswith(
            "cannot load the policies that changed; those of reloading 1 stay in force: "
        )
        assert "policies.yaml" in message
        put(file, text("2", "b"))
        eventually(lambda: governor.bundle.id.version == "2")
    assert reloads(reader) == {"failed": 1, "loaded": 1}


def test_a_file_that_is_gone_and_comes_back_as_it_was_is_in_force(
    governor: Governor, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with governor.watch(file, 0.02):
        file.unlink()
        eventually(lambda: bool(caplog.records))
        assert "the file cannot be read: No such file or directory" in caplog.records[0].getMessage()
        put(file, text("1", "a"))
        time.sleep(0.1)
    assert governor.bundle.id.version == "1"
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_what_is_wrong_at_first_is_the_callers_to_know(governor: Governor, tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="the file cannot be read"):
        governor.watch(tmp_path / "none.yaml")
    with pytest.raises(ValueError, match="interval is 0: give the seconds between two looks, above 0"):
        governor.watch(tmp_path / "none.yaml", 0)


def test_a_closed_watch_looks_no_more(governor: Governor, file: Path) -> None:
    watch = governor.watch(file, 0.02)
    watch.close()
    watch.close()
    file.write_text(text("2", "b"))
    time.sleep(0.1)
    assert governor.bundle.id.version == "1"
    assert "promethios-policies" not in {thread.name for thread in threading.enumerate()}


def test_a_watch_ends_with_its_governor(file: Path) -> None:
    governor = Governor.from_file(file)
    watch = governor.watch(file, 0.02)
    freed = weakref.ref(governor)
    del governor
    gc.collect()
    assert freed() is None
    file.write_text(text("2", "b"))
    eventually(lambda: not watch._thread.is_alive())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_goes_on_watching(governor: Governor, file: Path) -> None:
    with governor.watch(file, 0.02):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                file.write_text(text("2", "b"))
                eventually(lambda: governor.bundle.id.version == "2")
                code = 0
            finally:
                os._exit(code)
        assert os.waitpid(child, 0)[1] == 0
