"""Bundles that extend others: what they take over, what they change, and where their mistakes are told."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from promethios.governance.decision import Verdict
from promethios.governance.policies import Bundle, PolicyError, load_bundle, parse_bundle
from promethios.governance.policies.loader import load_with_notes

HEAD = "apiVersion: promethios.dev/v1alpha1\nkind: PolicySet\nmetadata: {name: %s, version: '1'}\nspec:\n"
POLICY = "    - {id: %s, severity: %s, on: [tool.before], match: {tool: x}, action: flag}\n"


class Folder:
    """Writes bundles into a folder, each by its name and its `spec`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, name: str, spec: str) -> Path:
        path = self.path / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(HEAD % name.replace("/", "-") + spec, encoding="utf-8")
        return path

    def mistakes(self, path: Path) -> list[str]:
        with pytest.raises(PolicyError) as caught:
            load_bundle(path)
        return str(caught.value).replace(f"{self.path}/", "").splitlines()


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def ids(bundle: Bundle) -> list[str]:
    return [policy.id for policy in bundle.policies]


def test_the_policies_of_the_bases_come_first_and_own_ones_replace_those_with_the_same_id(
    folder: Folder,
) -> None:
    folder.write("a", "  policies:\n" + POLICY % ("one", "low") + POLICY % ("two", "low"))
    folder.write("sub/b", "  policies:\n" + POLICY % ("three", "low"))
    top = folder.write(
        "top",
        "  extends: [a.yaml, ./sub/b.yaml]\n  policies:\n"
        + POLICY % ("two", "high")
        + POLICY % ("four", "low"),
    )
    bundle, notes = load_with_notes(top)
    assert ids(bundle) == ["one", "two", "three", "four"]
    assert bundle.policies[1].severity == "high"
    assert notes == (f"policy 'two' of {folder.path}/a.yaml is replaced by that of {top}",)
    assert bundle.id.name == "top"


def test_a_bundle_may_have_nothing_but_bases_and_extend_one_by_its_name_alone(folder: Folder) -> None:
    top = folder.write("top", "  extends: promethios:baseline\n")
    assert ids(load_bundle(top)) == ids(load_bundle("promethios:baseline"))


def test_text_can_extend_the_library_and_with_a_folder_also_files(folder: Folder) -> None:
    folder.write("a", "  policies:\n" + POLICY % ("one", "low"))
    assert len(parse_bundle(HEAD % "t" + "  extends: [promethios:pii]\n").policies) == 7
    assert ids(parse_bundle(HEAD % "t" + "  extends: [a.yaml]\n", folder=folder.path)) == ["one"]


def test_paths_begin_in_the_folder_of_the_file_that_names_them(folder: Folder) -> None:
    folder.write("common", "  policies:\n" + POLICY % ("one", "low"))
    folder.write("team/base", "  extends: [../common.yaml]\n")
    assert ids(load_bundle(folder.write("top", "  extends: [team/base.yaml]\n"))) == ["one"]


def test_the_defaults_of_a_file_are_for_its_own_policies_only(folder: Folder) -> None:
    folder.write("a", "  defaults: {mode: shadow}\n  policies:\n" + POLICY % ("one", "low"))
    top = folder.write("top", "  extends: [a.yaml]\n  policies:\n" + POLICY % ("two", "low"))
    assert [policy.mode for policy in load_bundle(top).policies] == ["shadow", "enforce"]


def test_detectors_prices_and_placeholders_are_taken_over_and_can_be_replaced(folder: Folder) -> None:
    folder.write(
        "a",
        "  defaults: {placeholders: stable}\n"
        "  detectors: [{id: custom.x, pattern: 'X+'}, {id: custom.y, pattern: Y}]\n"
        "  prices: {m: {input: 1, output: 2}, n: {input: 1, output: 2}}\n"
        "  policies:\n" + POLICY % ("one", "low"),
    )
    top = folder.write(
        "top",
        "  extends: [a.yaml]\n"
        "  detectors: [{id: custom.x, pattern: 'Z+'}]\n"
        "  prices: {m: {input: 3, output: 4}}\n"
        "  policies:\n"
        "    - {id: two, severity: low, on: [tool.before], detect: {any: ['custom.*']}, action: flag}\n",
    )
    bundle = load_bundle(top)
    assert [(each.id, each.patterns) for each in bundle.detectors] == [
        ("custom.x", ("(Z+)",)),
        ("custom.y", ("(Y)",)),
    ]
    assert {model: (price.input, price.output) for model, price in bundle.prices.items()} == {
        "m": (3.0, 4.0),
        "n": (1.0, 2.0),
    }
    assert bundle.stable_placeholders
    detect = bundle.policies[1].detect
    assert detect is not None
    assert detect.detectors == {"custom.x", "custom.y"}


def test_a_base_that_is_reached_twice_is_read_once(folder: Folder) -> None:
    folder.write("a", "  policies:\n" + POLICY % ("one", "low"))
    folder.write("b", "  extends: [a.yaml]\n")
    bundle, notes = load_with_notes(folder.write("top", "  extends: [a.yaml, b.yaml]\n"))
    assert (ids(bundle), notes, len(bundle.sources)) == (["one"], (), 3)


def test_the_hash_covers_every_text(folder: Folder) -> None:
    base = folder.write("a", "  policies:\n" + POLICY % ("one", "low"))
    top = folder.write("top", "  extends: [a.yaml]\n")
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (top, base)]
    assert load_bundle(top).id.hash == hashlib.sha256(" ".join(digests).encode()).hexdigest()
    folder.write("a", "  policies:\n" + POLICY % ("one", "high"))
    assert load_bundle(top).id.hash != hashlib.sha256(" ".join(digests).encode()).hexdigest()


# Overrides.


def test_overrides_change_the_policies_of_bases_and_leave_out_some(folder: Folder) -> None:
    top = folder.write(
        "top",
        "  extends: [promethios:tools, promethios:budgets]\n"
        "  overrides:\n"
        "    - {id: '*', mode: shadow}\n"
        "    - {id: large-payments, mode: enforce, params: {max_amount: 5}, onError: block, weight: 0}\n"
        "    - {id: conversation-cost, limit: {max: 2.5}, severity: low, action: flag, message: enough}\n"
        "    - {id: tool-loops, disabled: true}\n"
        "    - {id: deletions-in-production, match: {tool: 'drop_*'}}\n",
    )
    bundle, notes = load_with_notes(top)
    found = {policy.id: policy for policy in bundle.policies}
    payments, cost = found["large-payments"], found["conversation-cost"]
    assert "tool-loops" not in found
    assert {policy.id for policy in bundle.policies if policy.mode == "enforce"} == {"large-payments"}
    assert (payments.params, payments.on_error, payments.weight) == ({"max_amount": 5}, Verdict.BLOCK, 0.0)
    assert payments.message is not None
    assert "more than 5," in payments.message.texts[1]
    assert cost.limit is not None
    assert (cost.limit.of, cost.limit.max, cost.limit.per) == ("cost", 2.5, "conversation")
    assert (cost.severity, cost.action) == ("low", Verdict.FLAG)
    match = found["deletions-in-production"].match
    assert match is not None
    assert [key for key, _ in match.names] == ["tool"]
    assert "policy 'tool-loops' of promethios:tools is off" in notes
    assert "policy 'large-payments' of promethios:tools is changed: mode, params, onError, weight" in notes


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("{mode: shadow}", "7:7: override 1 has no 'id'"),
        (
            "{id: ruinous, mode: shadow}",
            "7:12: there is no policy 'ruinous' to change; did you mean 'ruinous-commands'?",
        ),
        (
            "{id: zzz, mode: shadow}",
            "7:12: there is no policy 'zzz' to change; only policies of 'extends' can be changed here",
        ),
        (
            "{id: own, mode: shadow}",
            "7:12: there is no policy 'own' to change; only policies of 'extends' can be changed here",
        ),
        (
            "{id: '*'}",
            (
                "7:7: override 1 changes nothing; there is disabled, mode, action, onError, severity, "
                "weight, match, message, params, limit"
            ),
        ),
        (
            "{id: '*', mode: shado}",
            "7:23: 'mode' is 'shado', but must be one of enforce, shadow; did you mean 'shadow'?",
        ),
        ("{id: '*', weight: -1}", "7:25: 'weight' must be a number, 0 or more"),
        ("{id: '*', disabled: 'yes'}", "7:27: 'disabled' must be true or false, not text"),
        ("{id: tool-loops, disabled: true, mode: shadow}", "7:7: what is disabled has no mode"),
        (
            "{id: tool-loops, when: 'true'}",
            (
                "7:24: unknown key 'when' in override 1; there is id, disabled, mode, action, onError, "
                "severity, weight, match, message, params, limit"
            ),
        ),
        ("{id: tool-loops, params: {a: 1}}", "7:33: policy 'tool-loops' has no 'a' in 'params'; it has none"),
        (
            "{id: large-payments, params: {max: 1}}",
            "7:37: policy 'large-payments' has no 'max' in 'params'; there is max_amount",
        ),
        ("{id: large-payments, params: 5}", "7:36: 'params' must be a map, not a whole number"),
        (
            "{id: large-payments, match: {tools: x}}",
            (
                "7:7: policy 'large-payments' of promethios:tools cannot be changed so: unknown key "
                "'tools' in 'match'; did you mean 'tool'?"
            ),
        ),
        (
            "{id: large-payments, limit: {max: 1}}",
            "7:36: policy 'large-payments' has no 'max' in 'limit'; it has none",
        ),
        (
            "{id: tool-loops, limit: {max: 1.5}}",
            (
                "7:7: policy 'tool-loops' of promethios:tools cannot be changed so: 'max' must be a whole "
                "number, 0 or more"
            ),
        ),
        (
            "{id: tool-loops, action: redact}",
            (
                "7:7: policy 'tool-loops' of promethios:tools cannot be changed so: the action 'redact' "
                "needs 'detect'; what is detected is what is redacted"
            ),
        ),
    ],
)
def test_a_mistake_in_an_override_names_its_place_and_what_to_do(
    folder: Folder, override: str, message: str
) -> None:
    own = POLICY % ("own", "low")
    spec = f"  extends: [promethios:tools]\n  overrides:\n    - {override}\n  policies:\n{own}"
    assert f"top.yaml:{message}" in folder.mistakes(folder.write("top", spec))


# Mistakes in what is extended.


def test_a_mistake_in_a_base_is_told_at_its_place_in_the_base_after_those_of_the_file_itself(
    folder: Folder,
) -> None:
    folder.write("a", "  policies:\n" + POLICY % ("one", "lwo"))
    top = folder.write("top", "  extends: [a.yaml]\n  policies:\n" + POLICY % ("two", "lwo"))
    wrong = "'severity' is 'lwo', but must be one of low, medium, high, critical; did you mean 'low'?"
    assert folder.mistakes(top) == [f"top.yaml:7:27: {wrong}", f"a.yaml:6:27: {wrong}"]


def test_a_base_with_mistakes_does_not_make_overrides_wrong(folder: Folder) -> None:
    folder.write("a", "  policies: 5\n")
    top = folder.write("top", "  extends: [a.yaml]\n  overrides: [{id: one, disabled: true}]\n")
    assert [line.split(":")[0] for line in folder.mistakes(top)] == ["a.yaml"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.yaml", "cannot extend 'none.yaml': the file cannot be read: No such file or directory"),
        (".", "cannot extend '.': the file cannot be read: Is a directory"),
        ("latin.yaml", "cannot extend 'latin.yaml': the file is not UTF-8: byte 0 is wrong"),
        (r'"a\0b"', "cannot extend 'a\0b': the file cannot be read: embedded null byte"),
    ],
)
def test_a_base_that_cannot_be_read_is_told_where_it_is_named(
    folder: Folder, name: str, message: str
) -> None:
    (folder.path / "latin.yaml").write_bytes(b"\xfc")
    assert folder.mistakes(folder.write("top", f"  extends: [{name}]\n")) == [f"top.yaml:5:13: {message}"]


def test_a_set_that_the_library_does_not_have_is_told_with_those_it_has(folder: Folder) -> None:
    [mistake] = folder.mistakes(folder.write("top", "  extends: [promethios:pi]\n"))
    assert mistake.startswith(
        "top.yaml:5:13: cannot extend 'promethios:pi': the library has no such bundle; there is "
        "promethios:baseline,"
    )


def test_bundles_that_extend_each_other_are_told_with_their_chain(folder: Folder) -> None:
    folder.write("a", "  extends: [b.yaml]\n")
    folder.write("b", "  extends: [./a.yaml]\n")
    here = folder.path
    chain = f"{here}/a.yaml extends {here}/b.yaml extends {here}/a.yaml"
    assert folder.mistakes(here / "a.yaml") == [
        f"b.yaml:5:13: a bundle cannot extend itself: {chain}".replace(f"{here}/", "")
    ]


def test_a_bundle_that_extends_itself_is_an_error(folder: Folder) -> None:
    [mistake] = folder.mistakes(folder.write("a", "  extends: a.yaml\n"))
    assert mistake == "a.yaml:5:12: a bundle cannot extend itself: a.yaml extends a.yaml"


def test_chains_of_bundles_are_bounded(folder: Folder) -> None:
    for number in range(12):
        folder.write(f"b{number}", f"  extends: [b{number + 1}.yaml]\n")
    assert folder.mistakes(folder.path / "b0.yaml") == [
        "b7.yaml:5:13: more than 8 bundles extend each other in a row"
    ]


def test_the_files_of_a_bundle_are_bounded(folder: Folder) -> None:
    for number in range(40):
        folder.write(f"b{number}", "  policies:\n" + POLICY % (f"p{number}", "low"))
    names = "".join(f"    - b{number}.yaml\n" for number in range(40))
    found = folder.mistakes(folder.write("top", f"  extends:\n{names}"))
    assert found[0] == "top.yaml:37:7: more than 32 files make up this bundle"
    assert len(found) == 9


def test_a_bundle_without_policies_and_bases_is_an_error(folder: Folder) -> None:
    assert folder.mistakes(folder.write("top", "  defaults: {mode: shadow}\n")) == [
        "top.yaml:5:3: 'spec' has no 'policies'"
    ]
