"""Summaries, from events as the engine logs them."""

from __future__ import annotations

import re

import pytest

from operations.review.changes import Kind, changes
from operations.review.events import Message, State
from operations.review.summary import FOLD, LIMIT, first_line
from operations.review.values import LONGEST, UNKNOWN, at, block, code, show, show_both
from tests.unit.review_steps import SECRET, UNKNOWN_TEXT, VOLUME, shown, state, step, updated


def test_first_line_has_stack_and_outcome() -> None:
    assert shown().splitlines()[0] == "<!-- review: preview of dev: nothing -->"
    assert shown(step("create")).splitlines()[0] == "<!-- review: preview of dev: changes -->"
    assert shown(failed=True).splitlines()[0] == "<!-- review: preview of dev: failed -->"
    with pytest.raises(ValueError, match="not a valid name of a stack"):
        first_line("preview", "dev --> <img>", "nothing")


def test_summary_has_the_notes_of_the_sandbox_but_no_other_output() -> None:
    text = shown(step("create"), printed="warning: of another\nsandbox: not as committed: `dataVolumeId` @everybody\n")
    assert "> [!NOTE]\n> ``not as committed: `dataVolumeId` @everybody``\n" in text
    assert "of another" not in text
    assert "[!NOTE]" not in shown(step("create"))


def test_summary_counts_the_changes() -> None:
    text = shown(step("create", "a"), step("create", "b"), step("update", "c"), step("delete", "d"), step("same", "e"))
    assert "**2 created, 1 changed, 1 deleted, 1 unchanged.**" in text


def test_replacement_names_only_the_property_that_causes_it() -> None:
    detailed = {"source": "update-replace", "tags.a": "update"}
    inputs = ({"source": "a", "tags": {"a": "1"}}, {"source": "b", "tags": {"a": "2"}})
    replaced = [
        step(
            operation,
            old=state("it", id="ocid1.it", inputs=inputs[0]),
            new=state("it", inputs=inputs[1]),
            detailed=detailed,
            replace_keys=("source",),
            changed_keys=("source", "tags"),
        )
        for operation in ("create-replacement", "replace", "delete-replaced")
    ]
    [change] = changes(replaced)
    assert change.kind is Kind.REPLACED
    assert [(one.path, one.before, one.after, one.cause) for one in change.properties] == [
        ("source", "`a`", "`b`", True),
        ("tags.a", "`1`", "`2`", False),
    ]


def test_replacement_without_a_cause_of_its_own_says_so() -> None:
    assert "it follows a resource that is replaced" in shown(step("replace"), step("create-replacement"))
    other = step("replace", old=state("it", provider="one"), new=state("it", provider="two"))
    assert "because its provider is another one" in shown(other)


def test_other_provider_is_shown_unless_both_are_defaults() -> None:
    def with_provider(name: str) -> State:
        return state("it", provider=f"urn:pulumi:dev::app::pulumi:providers:oci::{name}::0123")

    other = step("same", old=with_provider("default_5_5_0"), new=with_provider("mine"))
    assert "its provider was `default_5_5_0`, now is `mine`" in shown(other)
    assert changes([step("same", old=with_provider("default_5_5_0"), new=with_provider("default_5_6_0"))]) == []


def test_late_deletion_of_an_earlier_up_is_a_change_of_its_own() -> None:
    left = step("delete-replaced", "data", VOLUME, old=state("data", VOLUME, id="ocid1.old", pending=True))
    text = shown(step("same", "data", VOLUME), left)
    assert "an earlier `up` replaced it" in text
    assert "> **Data is deleted:**" in text


@pytest.mark.parametrize("operation", ["delete", "replace"])
def test_deleted_data_is_shown_first(operation: str) -> None:
    lines = shown(step("create", "a"), step(operation, "data", VOLUME)).splitlines()
    assert lines.index("> [!CAUTION]") < lines.index("#### Created")


def test_kept_data_is_shown_with_the_command_that_adopts_it() -> None:
    kept = state("data", VOLUME, id="ocid1.volume.x", retained=True)
    text = shown(step("delete", "data", VOLUME, old=kept))
    assert "> [!WARNING]" in text
    assert "> [!CAUTION]" not in text
    assert "#### Kept in the cloud, no longer managed" in text
    assert "`pulumi config set dataVolumeId ocid1.volume.x`" in text


def test_kept_claim_is_adopted_by_the_next_stack_of_its_name() -> None:
    claim = "kubernetes:core/v1:PersistentVolumeClaim"
    kept = state("claim", claim, id="jupyterlab-oke/jupyterlab", retained=True)
    assert "the next `up` of a stack of the same name adopts it" in shown(step("delete", "claim", claim, old=kept))


@pytest.mark.parametrize("operation", ["delete", "replace"])
def test_claim_of_a_deleted_cluster_leaves_a_volume_to_adopt(operation: str) -> None:
    cluster, claim = "oci:ContainerEngine/cluster:Cluster", "kubernetes:core/v1:PersistentVolumeClaim"
    namespace = "kubernetes:core/v1:Namespace"
    text = shown(
        step(operation, "cluster", cluster, old=state("cluster", cluster, id="ocid1.cluster.x")),
        step(operation, "claim", claim, old=state("claim", claim, id="ns/claim", retained=True)),
        step(operation, "namespace", namespace, old=state("namespace", namespace, id="ns", retained=True)),
        outputs_before={"dataVolumeId": "ocid1.volume.x"},
    )
    assert text.count("to adopt the volume: `pulumi config set dataVolumeId ocid1.volume.x`") == 1
    assert "the next `up`" not in text


def test_different_outputs_are_a_change() -> None:
    text = shown(
        outputs_before={"same": 1, "gone": 2, "hidden": SECRET},
        outputs={"same": 1, "hidden": "shown", "new": UNKNOWN_TEXT},
    )
    assert text.startswith("<!-- review: preview of dev: changes -->\n")
    assert "**3 outputs differ.**" in text
    outputs = text.partition("#### Outputs\n\n")[2].splitlines()
    assert outputs == [
        "- `gone`: `2` → `[none]`",
        "- `hidden`: `[secret]` → `[secret]`",
        f"- `new`: `[none]` → `{UNKNOWN}`",
    ]


def test_folded_part_comes_last() -> None:
    created = step("create", new=state("it", inputs={"cidrBlock": "10.0.0.0/16"}))
    text = shown(created, outputs={"a": 1}, messages=[Message("warning", "", "look at this")])
    before, fold, folded = text.partition(FOLD)
    assert fold
    assert "look at this" in before
    assert "#### Outputs" in before
    assert folded.rstrip().endswith("</details>")


def test_secrets_are_hidden_at_any_depth_and_never_compared() -> None:
    text = shown(
        updated(
            {"login": [{"password": SECRET}], "turned": "plaintext-before", "hidden": SECRET},
            {"login": [{"password": SECRET}], "turned": SECRET, "hidden": "plaintext-after"},
            detailed={"login[0].password": "update", "turned": "update", "hidden": "update"},
        )
    )
    assert text.count("`[secret]` → `[secret]`") == 3
    assert "plaintext" not in text
    assert "ciphertext" not in text


def test_path_into_a_secret_gives_the_secret() -> None:
    assert show(at("a.ciphertext", {"a": SECRET})) == "`[secret]`"


def test_unknown_values_are_named_also_inside_others() -> None:
    assert show(UNKNOWN_TEXT) == f"`{UNKNOWN}`"
    assert show(["a", UNKNOWN_TEXT]) == f'`["a", "{UNKNOWN}"]`'
    assert show({"url": f"https://{UNKNOWN_TEXT}/x"}) == f'`{{"url": "https://{UNKNOWN}/x"}}`'


@pytest.mark.parametrize(
    ("path", "found"),
    [("a.b", 1), ("l[1].c", 2), ('m["x.y"]', 3), ("a.none", "[none]"), ("l[7]", "[none]"), ("a.b.c", "[none]")],
)
def test_property_path_has_the_form_of_the_engine(path: str, found: object) -> None:
    assert at(path, {"a": {"b": 1}, "l": [0, {"c": 2}], "m": {"x.y": 3}}) == found


@pytest.mark.parametrize(
    "value",
    [
        "@everybody",
        "<img src=x onerror=alert(1)>",
        "`code` @everybody",
        "``` @everybody",
        "line\n\n# heading @everybody",
        "</details>\n> [!CAUTION]",
        "a | b",
        "\x1b[31mred",
        "\u202egnirts",
    ],
)
def test_value_of_a_stranger_stays_in_one_code_span(value: str) -> None:
    span = code(value)
    runs = re.findall("`+", span)
    # The end of a code span is the next run of as many backticks as it began with (GitHub Flavored Markdown, 6.3).
    assert [place for place, run in enumerate(runs) if run == runs[0]] == [0, len(runs) - 1]
    assert span.startswith(runs[0])
    assert span.endswith(runs[0])
    assert span.isprintable()


def test_long_values_are_shown_from_their_first_difference() -> None:
    same, rest = "echo same; " * 100, "; echo rest" * 100
    before, after = show_both(f"{same}port=8888{rest}", f"{same}port=8899{rest}")
    assert "port=8888" in before
    assert "port=8899" in after
    assert before.startswith("`…")
    assert max(len(before), len(after)) < LONGEST + 40
    assert show_both("8888", "8899") == ("`8888`", "`8899`")


def test_code_span_has_more_backticks_than_its_text() -> None:
    assert code("a `b` c") == "``a `b` c``"
    assert code("`b`") == "`` `b` ``"
    assert block("x\n```\n@all").splitlines() == ["````text", "x", "```", "@all", "````"]


def test_names_of_a_stranger_stay_in_code_spans() -> None:
    text = shown(updated({}, {"@all": "x"}, detailed={'["@all"]': "add"}), step("create", "<b>@all</b>"))
    for line in text.splitlines():
        outside = "".join(line.split("`")[::2])
        assert "@all" not in outside
        assert "<b>" not in outside


def test_failure_shows_the_errors_in_a_code_block() -> None:
    text = shown(failed=True, messages=[Message("error", "vcn", "the cloud says\n```\n@all no")])
    assert "vcn: the cloud says" in text
    assert "````text" in text
    assert "**Failed.**" in text
    assert "error: no stack named" in shown(failed=True, printed="error: no stack named 'x' found\n")


def test_large_summary_is_cut_to_the_size_of_a_comment() -> None:
    wide = {f"key{number}": "x" * 150 for number in range(40)}
    few = [step("create", f"r{number}", new=state(f"r{number}", inputs=wide)) for number in range(40)]
    assert len(shown(*few)) <= LIMIT
    assert "`r39`" in shown(*few)
    many = [step("create", f"resource-{number:05}") for number in range(3000)]
    text = shown(*many)
    assert len(text) <= LIMIT
    assert "The rest is left out" in text
    assert "**3000 created.**" in text
    error = shown(failed=True, messages=[Message("error", "", "e" * 100_000)])
    assert len(error) <= LIMIT
    assert "100000 characters" in error


def test_order_of_the_steps_does_not_change_the_summary() -> None:
    steps = [step("create", name) for name in ("c", "a", "b")]
    assert shown(*steps) == shown(*reversed(steps))
