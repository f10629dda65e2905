"""Patch sets as documents, against pyhf, and the ones that must be refused."""

import gzip
import json
import re
import warnings
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from hftranslate.errors import FormatError, InputError, MissingInput
from hftranslate.signal_grid import Patch, PatchSet, digest, read_patchset
from hftranslate.signal_grid.document import from_document, parse_value, patch_document
from hftranslate.signal_grid.summary import summary_text, what_it_does
from tests.signal_grid.grid import background, patches, with_signal


def test_is_written_as_it_was_read(shared: Path) -> None:
    for path in sorted((shared / "patchsets" / "pyhf").glob("*.json")):
        document = json.loads(path.read_text())
        assert from_document(document).to_document() == document


def test_says_what_it_is() -> None:
    found = patches([(1, 2), (3, 4)])
    assert repr(found).startswith("<PatchSet: 2 patches by m1, m2; ")
    assert len(str(found).splitlines()) == 5
    assert "<td>4</td>" in found._repr_html_()
    assert found.to_dict() == found.to_document()


def test_pyhf_reads_what_is_written() -> None:
    import pyhf

    made = patches()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = pyhf.PatchSet(made.to_document())
        workspace = pyhf.Workspace(background())
        theirs.verify(workspace)
        assert theirs.labels == list(made.labels)
        assert theirs.references == made.references
        assert theirs.digests == made.digests
        assert theirs.description == made.description
        assert [p.name for p in theirs.patches] == [p.name for p in made]
        assert [tuple(p.values) for p in theirs.patches] == [p.values for p in made]
        for patch in made:
            assert dict(theirs.apply(workspace, patch.values)) == made.apply(background(), patch)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "ATLAS-SUSY-2018-04/Region-combined/patchset.json.gz",
        "ATLAS-SUSY-2018-04/Region-highMass/patchset.json.gz",
        "ATLAS-SUSY-2018-04/Region-lowMass/patchset.json.gz",
    ],
)
def test_published_sets_verify_and_apply_as_in_pyhf(name: str, shared: Path) -> None:
    import pyhf

    found = read_patchset(shared / "patchsets" / name)
    path = shared / "workspaces" / name.replace("patchset.json.gz", "BkgOnly.json.gz")
    document = json.loads(gzip.decompress(path.read_bytes()))
    whole = deepcopy(document)
    assert found.mismatches(document) == ()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = pyhf.PatchSet(json.loads(gzip.decompress((shared / "patchsets" / name).read_bytes())))
        workspace = pyhf.Workspace(document)
        for patch in (found.patches[0], found.patches[-1]):
            assert found.apply(document, patch) == dict(theirs.apply(workspace, patch.name))
    assert document == whole


def test_a_digest_that_belongs_to_another_workspace() -> None:
    made = patches()
    other = background()
    other["observations"][0]["data"] = [511]
    [sentence] = made.mismatches(other)
    assert digest(other) in sentence
    assert digest(background()) in sentence
    upper = PatchSet(
        labels=made.labels,
        patches=made.patches,
        digests={"sha256": digest(background()).upper(), "md5": digest(background(), "md5")},
        references={},
    )
    assert upper.mismatches(background()) == ()
    assert len(upper.mismatches(other)) == 2


def test_digests_are_those_of_pyhf() -> None:
    from pyhf.utils import digest as theirs

    for algorithm in ("sha256", "md5"):
        assert digest(background(), algorithm) == theirs(background(), algorithm)
    with pytest.raises(InputError, match="no algorithm 'sha265' for digests; did you mean 'sha256'"):
        digest({}, "sha265")


def test_patches_are_found_by_name_and_by_values() -> None:
    made = patches()
    assert len(made) == 12
    assert made.named("sig_200_50").values == (200, 50)
    assert made.at((200.0, 50)).name == "sig_200_50"
    assert made.apply(background(), made.at([400, 100])) != background()
    with pytest.raises(MissingInput, match=r"no patch 'sig_200_5'; did you mean 'sig_200_50'\?"):
        made.named("sig_200_5")
    with pytest.raises(MissingInput, match=r"no patch at \(210, 40\); the nearest is 'sig_200_50' at \(200, 50\)"):
        made.at((210, 40))
    with pytest.raises(InputError, match="1 values for 2 labels: m1, m2"):
        made.at((210,))


def test_texts_are_values_too() -> None:
    decays = PatchSet(
        labels=("m", "decay"),
        patches=tuple(Patch(name=f"{d}{m}", values=(m, d), operations=[]) for m in (1, 2) for d in ("ee", "mm")),
        digests={},
        references={},
    )
    assert decays.at((2, "mm")).name == "mm2"
    with pytest.raises(MissingInput, match="the nearest is 'mm2'"):
        decays.at((5, "mm"))


def test_a_patch_that_does_not_apply_is_named() -> None:
    made = patches()
    fewer = background()
    del fewer["channels"][0]
    fewer["channels"] = []
    with pytest.raises(InputError, match="patch 'sig_100_0' does not apply: operation 0: "):
        made.apply(fewer, made.named("sig_100_0"))


BROKEN = {
    "pyhf_patchset_bad_duplicate_patch_name": "patch 'Gtt_2100_5000_800' appears more than once",
    "pyhf_patchset_bad_wrong_values_multiplicity": "patch 'Gtt_2200_5000_800' has 3 values, expected 2",
    "pyhf_patchset_bad_wrong_valuetype": r"patches\[0\].metadata.values\[1\]: {'a': 'b'} is neither a number nor",
    "pyhf_schema_patchset_bad_empty_patches": "patches: .* non-empty",
    "pyhf_schema_patchset_bad_invalid_digests": "metadata.digests: .*'nonexistent' was unexpected",
    "pyhf_schema_patchset_bad_label_pattern": r"metadata.labels\[[0-2]\]: '.*' does not match",
    "pyhf_schema_patchset_bad_no_digests": "metadata: 'digests' is a required property",
    "pyhf_schema_patchset_bad_no_labels": "metadata: 'labels' is a required property",
    "pyhf_schema_patchset_bad_no_patch_values": r"'values' is a required property \(in patch 'Gtt_2100_5000_800'\)",
    "pyhf_schema_patchset_bad_no_version": "'version' is a required property",
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_sets_are_refused_in_one_sentence(name: str, shared: Path) -> None:
    path = shared / "broken" / "patchsets" / f"{name}.json"
    with pytest.raises(InputError, match=f"^{re.escape(str(path))}: (.*{BROKEN[name]})") as refusal:
        read_patchset(path)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: [], "this is a JSON patch; expected a patch set"),
        (lambda d: background(), "this is a workspace; expected a patch set"),
        (lambda d: {**d, "patches": 5}, "patches: 5 is not of type 'array'"),
        (lambda d: {**d, "patches": [5]}, r"patches\[0\]: 5 is not of type 'object'"),
        (lambda d: {**d, "more": 1}, "'more' was unexpected"),
        (lambda d: 5, "5 is not of type 'object'"),
    ],
)
def test_other_documents_are_refused(change: Any, words: str) -> None:
    with pytest.raises(FormatError, match=words):
        from_document(change(patches().to_document()))


@pytest.mark.parametrize(
    "operation",
    [
        5,
        {},
        {"op": "add", "path": "/x"},
        {"op": "erase", "path": "/x"},
        {"op": "add", "path": 5, "value": 1},
        {"op": "move", "path": "/x"},
        {"op": "copy", "path": "/x", "from": 5},
        {"op": [], "path": "/x"},
        {"op": "remove"},
    ],
)
def test_operations_are_judged_as_the_schema_does(operation: Any) -> None:
    document = patches().to_document()
    document["patches"][3]["patch"].append(operation)
    with pytest.raises(FormatError, match=r"patches\[3\].patch\[1\].*\(in patch 'sig_200_0'\)|patches\[3\]"):
        from_document(document)


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "/x"},
        {"op": "remove", "path": "/x", "value": 1},
        {"op": "test", "path": "/x", "value": None},
        {"op": "copy", "from": "/x", "path": "/y", "extra": 1},
        {"op": "move", "from": "/x", "path": "/y"},
    ],
)
def test_operations_that_the_schema_allows(operation: Any) -> None:
    from hftranslate.formats.schemas import violation

    document = patches().to_document()
    document["patches"][3]["patch"].append(operation)
    assert violation(document, "patchset") is None
    assert from_document(document).patches[3].operations[1] == operation


def test_more_metadata_are_kept() -> None:
    document = patches().to_document()
    document["metadata"]["analysis_id"] = "X"
    document["patches"][0]["metadata"]["xsec"] = 1.5
    found = from_document(document)
    assert found.metadata == {"analysis_id": "X"}
    assert found.patches[0].metadata == {"xsec": 1.5}
    assert found.to_document() == document
    assert patch_document(found.patches[0])["metadata"] == {"name": "sig_100_0", "values": [100, 0], "xsec": 1.5}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("300", 300), ("-5", -5), ("+5", 5), (" 7 ", 7), ("0.5", 0.5), ("1e3", 1000.0), ("125p5", 125.5),
        ("p5", 0.5), ("5.", 5.0), ("bb", "bb"), ("p", "p"), ("1_000", "1_000"), ("", ""), ("e3", "e3"), ("nan", "nan"),
        ("12345678901234567890", 12345678901234567890.0),
    ],
)  # fmt: skip
def test_values_of_words(text: str, value: Any) -> None:
    found = parse_value(text)
    assert found == value
    assert type(found) is type(value)


def test_summary() -> None:
    text = summary_text(patches())
    assert "12 patches of a background-only workspace" in text
    assert "labels       m1, m2" in text
    assert "reference    hepdata: ins1234567" in text
    assert re.search(r"\nsig_400_100 +400 +100 +add sample \(1\)\n", text)
    operations = [
        {"op": "replace", "path": "/channels/0/samples/1/modifiers/0/data/hi", "value": 1},
        {"op": "replace", "path": "/channels/0/samples/1/modifiers/0/data/hi", "value": 2},
        {"op": "add", "path": "/foo", "value": 2},
    ]
    patch = Patch(name="a", values=(), operations=operations)
    assert what_it_does(patch) == "replace modifier data hi (2), add /foo (1)"


def test_the_workspace_that_a_patch_makes_shares_the_rest() -> None:
    document = background()
    made = patches().apply(document, patches().named("sig_100_0"))
    assert made["channels"][0]["samples"][-1]["name"] == "sig_100_0"
    assert made["channels"][1] is document["channels"][1]
    assert document == background()
    assert with_signal(100, 0)["channels"][0]["samples"][0] == made["channels"][0]["samples"][-1]
