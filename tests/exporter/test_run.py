"""``promethios run``: the agent is governed before its first line, or it does not run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from tests.support.unaware import POLICIES, TOOL

from promethios.exporter.running import child
from promethios.exporter.testing import Answer, OtlpSink

COMMAND = [sys.executable, "-m", "promethios.governance", "run"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the agent is, with its policies."""
    (tmp_path / "policies.yaml").write_text(POLICIES)
    (tmp_path / "tool.py").write_text(TOOL)
    return tmp_path


def _environment(**variables: str) -> dict[str, str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "PROMETHIOS_"))}
    return {
        **clean,
        "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "*",  # loading them all takes seconds
        "PROMETHIOS_API_KEY": "pmk_donttell",
        "PROMETHIOS_POLICIES": "policies.yaml",
        "PYTHONDONTWRITEBYTECODE": "1",
        **variables,
    }


def _run(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        env=_environment(**variables),
        capture_output=True,
        text=True,
        timeout=100,
    )


def _agent(folder: Path, code: str) -> str:
    (folder / "agent.py").write_text(code)
    return "agent.py"


def test_the_agent_is_governed_and_its_decisions_arrive(folder: Path, sink: OtlpSink) -> None:
    agent = _agent(folder, "import tool, sys\nprint(tool.use('delete_all'), sys.argv)\nsys.exit(7)\n")
    options = ["--policies", "policies.yaml", "--endpoint", sink.url, "--service-name", "shop"]
    variables = {"PROMETHIOS_POLICIES": "other.yaml", "PROMETHIOS_ENDPOINT": "http://127.0.0.1:9"}
    done = _run(folder, *options, "--", sys.executable, agent, "--policies", "mine", **variables)
    assert done.stdout == "delete_all: PolicyViolation ['agent.py', '--policies', 'mine']\n", done.stderr
    assert (done.returncode, done.stderr) == (7, "")
    (decision,) = [span for span in sink.spans() if span.name == "promethios.decide"]
    told = {each.key: each.value.string_value for each in decision.attributes}
    assert told["promethios.decision.enforced"] == "block"
    request = next(request for request in sink.requests if request.path == "/v1/traces")
    (resource_spans,) = request.message.resource_spans
    named = {each.key: each.value.string_value for each in resource_spans.resource.attributes}
    assert named["service.name"] == "shop"


def test_what_the_agent_starts_is_governed_wherever_it_starts(folder: Path, sink: OtlpSink) -> None:
    """Options are read by grandchildren too: a relative path must not mean another file there."""
    (folder / "elsewhere").mkdir()
    code = (
        "import multiprocessing, os, subprocess, sys, tool\n"
        "if __name__ == '__main__':\n"
        "    for method in ('fork', 'spawn', 'forkserver'):\n"
        "        with multiprocessing.get_context(method).Pool(1) as pool:\n"
        "            print(method, pool.apply(tool.use, ('delete_all',)), flush=True)\n"
        "    code = f'import sys; sys.path.insert(0, {os.getcwd()!r}); '\n"
        "    code += 'import tool; print(tool.use(\"delete_it\"))'\n"
        "    subprocess.run([sys.executable, '-c', code], cwd='elsewhere', check=True)\n"
    )
    spool = ["--spool-dir", "spool"]
    done = _run(folder, *spool, "--", sys.executable, _agent(folder, code), PROMETHIOS_ENDPOINT=sink.url)
    assert done.stdout.splitlines() == [
        "fork delete_all: PolicyViolation",
        "spawn delete_all: PolicyViolation",
        "forkserver delete_all: PolicyViolation",
        "delete_it: PolicyViolation",
    ], done.stderr
    assert (folder / "spool").is_dir()
    assert not (folder / "elsewhere" / "spool").exists()


def test_a_sitecustomize_that_was_there_before_still_runs(folder: Path, sink: OtlpSink) -> None:
    (folder / "site").mkdir()
    (folder / "site" / "sitecustomize.py").write_text(
        "import os\n"
        "if 'PROMETHIOS_RUN' in os.environ:\n"
        "    print('theirs')\n"
        "    raise ValueError('and fails')\n"
    )
    agent = _agent(folder, "import sitecustomize, sys, tool\nprint(tool.use('delete_all'))\n")
    variables = {"PYTHONPATH": str(folder / "site"), "PROMETHIOS_ENDPOINT": sink.url}
    done = _run(folder, "--", sys.executable, agent, **variables)
    assert done.stdout.splitlines() == ["theirs", "delete_all: PolicyViolation"]
    assert "ValueError: and fails" in done.stderr
    assert done.returncode == 0


def test_under_it_opentelemetry_instrument_sets_up_and_is_checked_too(folder: Path, sink: OtlpSink) -> None:
    agent = _agent(folder, "import tool\nprint(tool.use('delete_all'))\n")
    instrument = str(Path(sys.executable).parent / "opentelemetry-instrument")
    done = _run(folder, "--", instrument, sys.executable, agent, PROMETHIOS_ENDPOINT=sink.url)
    assert (done.stdout, done.returncode) == ("delete_all: PolicyViolation\n", 0), done.stderr
    assert len([span for span in sink.spans() if span.name == "promethios.decide"]) == 1


def test_with_a_wrong_key_the_agent_is_governed_all_the_same(folder: Path, sink: OtlpSink) -> None:
    sink.default = Answer(401)
    agent = _agent(folder, "import tool\nprint(tool.use('delete_all'))\n")
    done = _run(folder, "--", sys.executable, agent, PROMETHIOS_ENDPOINT=sink.url)
    assert (done.stdout, done.returncode) == ("delete_all: PolicyViolation\n", 0)
    assert "telemetry is parked" in done.stderr
    assert "donttell" not in done.stdout + done.stderr


NO_POLICIES = "nothing says by which policies: give --policies, or set PROMETHIOS_POLICIES"
NO_KEY = (
    "`api_key` is missing: pass it or set PROMETHIOS_API_KEY (`promethios keys create` makes one);"
    ' api_key="" sends none, for a Collector that needs none'
)
NO_ENDPOINT = (
    "`endpoint` (from PROMETHIOS_ENDPOINT) is 'nowhere': give an http:// or https:// URL such as"
    " http://localhost:4318"
)


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({"PROMETHIOS_POLICIES": ""}, NO_POLICIES),
        (
            {"PROMETHIOS_POLICIES": "missing.yaml"},
            "{folder}/missing.yaml:1:1: the file cannot be read: No such file or directory",
        ),
        (
            {"PROMETHIOS_API_KEY": ""},
            NO_KEY,
        ),
        (
            {"PROMETHIOS_ENDPOINT": "nowhere"},
            NO_ENDPOINT,
        ),
    ],
)
def test_what_cannot_be_in_force_keeps_the_agent_from_running(
    folder: Path, variables: dict[str, str], problem: str
) -> None:
    agent = _agent(folder, "print('ran')\n")
    done = _run(folder, "--", sys.executable, agent, **variables)
    said = f"Error: cannot run {sys.executable}: it is not governed: {problem.format(folder=folder)}\n"
    assert (done.returncode, done.stdout, done.stderr) == (78, "", said)


@pytest.fixture
def bare(folder: Path) -> str:
    """A Python of an environment without promethios."""
    venv.create(folder / "bare", symlinks=True)
    return str(folder / "bare" / "bin" / "python")


def test_a_python_without_promethios_does_not_run(folder: Path, bare: str) -> None:
    done = _run(folder, "--", bare, _agent(folder, "print('ran')\n"))
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr.startswith(f"Error: cannot run {bare}: it is not governed: {bare} cannot load")


def test_a_python_without_promethios_that_the_agent_starts_goes_on_and_says_so(
    folder: Path, sink: OtlpSink, bare: str
) -> None:
    agent = _agent(folder, f"import subprocess\nsubprocess.run([{bare!r}, '-c', 'print(1)'], check=True)\n")
    done = _run(folder, "--", sys.executable, agent, PROMETHIOS_ENDPOINT=sink.url)
    assert (done.returncode, done.stdout) == (0, "1\n")
    assert done.stderr.startswith(f"promethios run: NOT GOVERNED: {bare} cannot load promethios: No module")


def test_a_governed_process_that_becomes_a_python_without_promethios_ends(
    folder: Path, sink: OtlpSink, bare: str
) -> None:
    """Wrappers such as ``opentelemetry-instrument`` and ``hatch run`` become what they run."""
    wrapper = _agent(folder, f"import os\nos.execv({bare!r}, [{bare!r}, '-c', 'print(1)'])\n")

    done = _run(folder, "--", sys.executable, wrapper, PROMETHIOS_ENDPOINT=sink.url)

    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr.startswith(f"promethios run: NOT GOVERNED: {bare} cannot load promethios: No module")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of others' processes")
@pytest.mark.parametrize(
    ("wrapper", "reason"),
    [
        (["env", "-u", "PROMETHIOS_RUN"], "was started without PROMETHIOS_RUN: hand our variables on"),
        (["env", "PYTHONPATH=src"], "was started with another PYTHONPATH: keep ours in front"),
        (["env", "-i"], "was started with another PYTHONPATH: keep ours in front"),
        (["sh", "-c", 'exec "$0" -I "$@"'], "`-I` ignores PYTHONPATH: leave it out"),
        (["sh", "-c", '"$0" -E "$@"; true'], "`-E` ignores PYTHONPATH: leave it out"),
    ],
)
def test_a_python_that_cannot_hear_of_us_is_ended_wherever_it_is(
    folder: Path, wrapper: list[str], reason: str
) -> None:
    """It would go on for as long as a command may take to start; this one would for ever."""
    agent = _agent(folder, "import time\nwhile True:\n    time.sleep(1)\n")

    done = _run(folder, "--start-timeout", "1000", "--", *wrapper, sys.executable, agent)

    assert done.returncode == 78
    assert done.stderr.rstrip().endswith(reason)


def test_a_wrapper_may_ask_a_python_in_isolation_before_it_starts_the_agent(
    folder: Path, sink: OtlpSink
) -> None:
    agent = _agent(folder, "import tool\nprint(tool.use('delete_all'))\n")
    script = f"{sys.executable} -I -c 'print(1)'; {sys.executable} {agent}"
    done = _run(folder, "--", "sh", "-c", script, PROMETHIOS_ENDPOINT=sink.url)
    assert (done.returncode, done.stdout) == (0, "1\ndelete_all: PolicyViolation\n"), done.stderr


def test_what_fails_in_setting_up_keeps_the_agent_from_running(folder: Path) -> None:
    """`site` would say a word about it, and go on with the agent."""
    code = "import importlib.metadata as m, os\ndef entry_points(**_):\n    raise OSError('damaged')\n"
    code += "if os.environ.get('PROMETHIOS_RUN'):\n    m.entry_points = entry_points\n"
    (folder / "sitecustomize.py").write_text(code)
    variables = {"PYTHONPATH": str(folder), "OTEL_TRACES_EXPORTER": "otlp"}

    done = _run(folder, "--", sys.executable, _agent(folder, "print('ran')\n"), **variables)

    assert (done.returncode, done.stdout) == (78, "")
    assert "it is not governed: " in done.stderr and "OSError('damaged')" in done.stderr


def test_nothing_is_written_to_a_file_that_stands_where_the_channel_was(folder: Path) -> None:
    """Its folder is gone when the agent runs; who shares the temporary folder may make one of its name."""
    venv.create(folder / "bare", symlinks=True)
    (folder / "mine").write_text("mine")
    (folder / "channel").symlink_to(folder / "mine")
    site = Path(child.__file__).parent / "site"

    for channel in ("mine", "channel"):
        variables = {"PROMETHIOS_RUN": str(folder / channel), "PYTHONPATH": str(site)}
        python = folder / "bare" / "bin" / "python"
        done = subprocess.run([python, "-c", "print(1)"], env=variables, capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (0, "1\n")
        assert "NOT GOVERNED" in done.stderr

    assert (folder / "mine").read_text() == "mine"


@pytest.mark.parametrize(
    ("command", "status", "message"),
    [
        ((), 2, "Missing argument '-- COMMAND [ARGS]...'."),
        (("--",), 2, "Missing argument '-- COMMAND [ARGS]...'."),
        (("--polices", "x", "--", "true"), 2, "No such option"),
        (("--start-timeout", "0", "--", "true"), 2, "Invalid value for '--start-timeout'"),
        (("--", "no-such-command"), 127, "cannot run no-such-command: there is no such command"),
        (("--", "./policies.yaml"), 126, "cannot run ./policies.yaml: it cannot be executed\n"),
        (("--", "tool.py"), 126, "cannot run tool.py: it cannot be executed; run it as: python tool.py"),
        (("--", sys.executable, "-I", "a.py"), 78, "`-I` ignores PYTHONPATH: leave it out"),
        (("--", "true"), 78, "it ended with status 0, and no Python in it said that it is governed"),
        (
            ("--start-timeout", "0.2", "--", "sleep", "60"),
            78,
            "after 0.2 seconds no Python in it said that it is governed",
        ),
    ],
)
def test_a_command_that_cannot_be_governed_is_refused(
    folder: Path, command: tuple[str, ...], status: int, message: str
) -> None:
    done = _run(folder, *command)
    assert (done.returncode, done.stdout) == (status, "")
    assert message in done.stderr


def test_what_a_refused_command_has_started_is_ended_with_it(folder: Path) -> None:
    """It holds our standard output: while it lived this would not come back."""
    done = _run(folder, "--start-timeout", "0.5", "--", "sh", "-c", "sleep 1000 & echo started; wait")
    assert (done.returncode, done.stdout) == (78, "started\n")


def test_signals_are_passed_on(folder: Path) -> None:
    """The command speaks for itself here, as a wrapper in another language would."""
    script = (
        "trap 'echo term' TERM; trap 'echo usr1' USR1; trap 'echo int; exit 5' INT;"
        "echo '[]' > $PROMETHIOS_RUN; echo ready; while :; do sleep 0.05; done"
    )
    # Who runs the tests may ignore SIGINT, as shells do for what they start in the background.
    heed = "import signal; signal.signal(signal.SIGINT, signal.SIG_DFL)"
    main = "from promethios.governance.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", f"{heed}; {main}", "run", "--", "sh", "-c", script],
        env=_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,  # no terminal sends signals to both
    )
    with process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        for number, said in ((signal.SIGTERM, "term"), (signal.SIGUSR1, "usr1"), (signal.SIGINT, "int")):
            process.send_signal(number)
            assert process.stdout.readline() == f"{said}\n"
        assert process.wait(30) == 5


def test_a_signal_that_ends_the_command_is_told_as_shells_do(folder: Path) -> None:
    done = _run(folder, "--", "sh", "-c", "echo '[]' > $PROMETHIOS_RUN; kill -9 $$")
    assert (done.returncode, done.stderr) == (128 + signal.SIGKILL, "")
