"""Whether zero code chooses our completion hook: only where that is free, of use, and ours."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from promethios.exporter.completion import VARIABLE, choose
from promethios.exporter.testing import OtlpSink
from promethios.governance import Governor

POLICIES = """
apiVersion: promethios.dev/v1alpha1
kind: PolicySet
metadata: {{name: choice, version: "1"}}
spec:
  policies:
    - id: one
      severity: low
      on: [{point}]
      detect: {{in: [{where}], any: ["pii.card"]}}
      action: flag
"""


def governor(point: str, where: str = "input") -> Governor:
    return Governor.from_text(POLICIES.format(point=point, where=where))


def test_it_is_chosen_where_policies_decide_at_a_model() -> None:
    environ: dict[str, str] = {}
    assert choose(environ, governor("model.before"))
    assert environ == {VARIABLE: "promethios"}


@pytest.mark.parametrize("taken", ["upload", "promethios", ""])
def test_a_choice_of_others_stays(taken: str) -> None:
    environ = {VARIABLE: taken}
    assert not choose(environ, governor("model.before"))
    assert environ == {VARIABLE: taken}


def test_it_is_not_chosen_where_no_policy_decides_at_models_or_agents() -> None:
    environ: dict[str, str] = {}
    assert not choose(environ, governor("tool.before", "tool.arguments"))
    assert environ == {}


#: An agent that tells of a model nobody has an adapter for, with OpenTelemetry's own helper.
AGENT = """
from opentelemetry.util.genai.completion_hook import load_completion_hook
from opentelemetry.util.genai.handler import TelemetryHandler
from opentelemetry.util.genai.types import InputMessage, TextPart
handler = TelemetryHandler(completion_hook=load_completion_hook(), instrumentation_scope_name="my.agent")
with handler.inference("acme", request_model="m") as inference:
    inference.input_messages = [InputMessage("user", [TextPart("my card is 4111 1111 1111 1111")])]
"""


def test_zero_code_has_content_seen_that_is_in_no_span(sink: OtlpSink, tmp_path: Path) -> None:
    (tmp_path / "policies.yaml").write_text(POLICIES.format(point="model.before", where="input"))
    others = {each.name for each in entry_points(group="opentelemetry_instrumentor")} - {"promethios"}
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "PROMETHIOS_"))}
    variables = {
        "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": ",".join(others),
        "PROMETHIOS_API_KEY": "k",
        "PROMETHIOS_ENDPOINT": sink.url,
        "PROMETHIOS_POLICIES": str(tmp_path / "policies.yaml"),
    }
    command = [str(Path(sys.executable).parent / "opentelemetry-instrument"), sys.executable, "-c", AGENT]
    subprocess.run(command, env={**clean, **variables}, check=True, timeout=100)
    verdicts = [{each.key: each.value.string_value for each in span.attributes} for span in sink.decisions()]
    assert [each["promethios.decision.enforced"] for each in verdicts] == ["allow", "flag"]
    assert not [span for span in sink.spans() if "4111" in str(span)]
