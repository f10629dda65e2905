"""The commands for patch sets, as users meet them."""

import json
import warnings
from pathlib import Path

import pytest

from hftranslate.signal_grid import read_patchset
from hftranslate.translation.load import read
from hftranslate.translation.write import write
from tests.cli.conftest import Runner, pyhf_says
from tests.signal_grid.grid import POINTS, background, patches, with_signal


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with a background-only workspace, a patch set, and the full workspaces."""
    (tmp_path / "bkg.json").write_text(json.dumps(background()))
    (tmp_path / "patchset.json").write_text(json.dumps(patches().to_document()))
    (tmp_path / "full").mkdir()
    for m1, m2 in POINTS:
        (tmp_path / "full" / f"sig_{m1}_{m2}.json").write_text(json.dumps(with_signal(m1, m2)))
    return tmp_path


# ----------------------------------------------------------------------------------------------------------- as in pyhf
@pytest.mark.parametrize("with_metadata", ["--with-metadata", "--without-metadata"])
def test_extract_is_pyhf_s(with_metadata: str, run: Runner, files: Path) -> None:
    arguments = ("patchset", "extract", files / "patchset.json", "--name", "sig_200_50", with_metadata)
    found = run(*arguments)
    assert found.code == 0
    assert json.loads(found.out) == json.loads(pyhf_says(*arguments))


def test_apply_and_verify_are_pyhf_s(run: Runner, files: Path) -> None:
    arguments = ("patchset", "apply", files / "bkg.json", files / "patchset.json", "--name", "sig_200_50")
    assert json.loads(run(*arguments).out) == json.loads(pyhf_says(*arguments))
    arguments = ("patchset", "verify", files / "bkg.json", files / "patchset.json")
    assert run(*arguments).out == pyhf_says(*arguments) == "All good.\n"


def test_a_point_is_given_by_its_values_too(run: Runner, files: Path) -> None:
    by_name = run("patchset", "extract", files / "patchset.json", "--name", "sig_200_50")
    by_values = run("patchset", "extract", files / "patchset.json", "--values", "200,50.0")
    assert by_name.out == by_values.out
    assert run("patchset", "apply", files / "bkg.json", files / "patchset.json", "--values", "200,50").code == 0
    for arguments in ((), ("--name", "a", "--values", "1,2")):
        found = run("patchset", "extract", files / "patchset.json", *arguments)
        assert found.code == 2
        assert "say which patch: --name NAME or --values V1,V2" in found.err


def test_inspect(run: Runner, files: Path) -> None:
    found = run("patchset", "inspect", files / "patchset.json")
    assert "12 patches" in found.out
    assert "sig_400_100" in found.out
    document = json.loads(run("patchset", "inspect", "--json", "-", stdin=(files / "patchset.json").read_bytes()).out)
    assert document["patches"][0] == {"name": "sig_100_0", "values": [100, 0]}
    assert document["metadata"]["labels"] == ["m1", "m2"]


def test_another_background(run: Runner, files: Path) -> None:
    other = background()
    other["observations"][0]["data"] = [1]
    (files / "other.json").write_text(json.dumps(other))
    found = run("patchset", "verify", files / "other.json", files / "patchset.json")
    assert found.code == 1
    assert found.out == ""
    assert "other.json: its sha256 is " in found.err
    for command in (("apply", "--name", "sig_200_50"), ("scan",)):
        arguments = ("patchset", command[0], files / "other.json", files / "patchset.json", *command[1:])
        found = run(*arguments)
        assert found.code == 2
        assert "--any-background goes on" in found.err
        found = run(*arguments, "--any-background")
        assert found.code == 0
        assert "warning: " in found.err


# -------------------------------------------------------------------------------------------------------------- create
PATTERN = r"sig_(?P<m1>\d+)_(?P<m2>\d+)"


def test_create_gives_the_same_bytes_and_pyhf_reads_them(run: Runner, files: Path) -> None:
    import pyhf

    full = sorted((files / "full").iterdir())
    options = ("--labels", "m1,m2", "--values-from", PATTERN, "--reference", "ins1234567")
    out = files / "made.json"
    found = run("patchset", "create", files / "bkg.json", *full, *options, "-o", out)
    assert found.code == 0, found.err
    assert "12 patches, 12 operations; each gives back its workspace" in found.err
    made = out.read_bytes()
    assert run("patchset", "create", files / "bkg.json", *full[::-1], *options).out.encode() == made
    assert json.loads(made) == json.loads((files / "patchset.json").read_text())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs, workspace = pyhf.PatchSet(json.loads(made)), pyhf.Workspace(background())
        theirs.verify(workspace)
        for m1, m2 in POINTS:
            model = theirs.apply(workspace, f"sig_{m1}_{m2}").model()
            expected = pyhf.Workspace(with_signal(m1, m2)).model()
            assert model.expected_data(model.config.suggested_init()) == pytest.approx(
                expected.expected_data(expected.config.suggested_init())
            )


def test_create_from_patches_and_xml(run: Runner, files: Path) -> None:
    patch = files / "sig_200_50.json"
    run("patchset", "extract", files / "patchset.json", "--name", "sig_200_50", "-o", patch)
    write(read(files / "full" / "sig_300_0.json"), files / "sig_300_0" / "FitConfig.xml")
    # the background as it comes from XML too, so that only the signal differs
    write(read(files / "bkg.json"), files / "bkg" / "FitConfig.xml")
    run("xml2json", files / "bkg" / "FitConfig.xml", "-o", files / "from_xml.json", "--no-sidecar")
    options = ("--values-from", PATTERN, "--reference", "ins1234567", "--name-pattern", "S_{m1}_{m2}")
    found = run(
        "patchset", "create", files / "from_xml.json", files / "sig_300_0" / "FitConfig.xml", *options,
        "--description", "one", "--algorithm", "md5", "-o", files / "made.json",
    )  # fmt: skip
    assert found.code == 0, found.err
    made = read_patchset(files / "made.json")
    assert [(p.name, p.values) for p in made] == [("S_300_0", (300, 0))]
    assert made.description == "one"
    assert set(made.digests) == {"md5"}
    # XML states the range of the signal's norm factor, which the background has not
    sample, setting = made.patches[0].operations
    assert sample["path"].endswith("/samples/-")
    assert setting["path"] == "/measurements/0/config/parameters/-"
    assert setting["value"]["name"] == "mu"
    found = run("patchset", "create", files / "bkg.json", patch, *options)
    assert json.loads(found.out)["patches"][0]["patch"] == patches().named("sig_200_50").operations


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ("--values-from", PATTERN, "--reference", "ins12345"),
            "'ins12345' is no record of HEPData; expected 'ins' and seven digits",
        ),
        (("--values-from", "x(?P<m1>1)", "--reference", "ins1234567"), "is not found in its name"),
        (("--values-from", PATTERN, "--labels", "m1,m3", "--reference", "ins1234567"), "no group for the label 'm3'"),
        (("--values-from", "(?P<m1>sig)", "--reference", "ins1234567"), "the point (sig) belongs to"),
    ],
)
def test_create_refuses(options: tuple[str, ...], words: str, run: Runner, files: Path) -> None:
    full = sorted((files / "full").iterdir())[:2]
    found = run("patchset", "create", files / "bkg.json", *full, *options, "-o", files / "made.json")
    assert found.code == 2
    assert words in found.err
    assert not (files / "made.json").exists()


# --------------------------------------------------------------------------------------------------------------- strip
def test_strip_gives_the_background_of_the_digest(run: Runner, files: Path) -> None:
    full = files / "full" / "sig_100_0.json"
    found = run("patchset", "strip", full, "--signal", "sig_*", "-o", files / "stripped.json")
    assert found.code == 0, found.err
    assert "no modifier uses 'mu' any more" in found.err
    assert run("patchset", "verify", files / "stripped.json", files / "patchset.json").code == 0
    assert json.loads(run("patchset", "strip", full, "-s", "sig_100_0").out) == json.loads(
        (files / "stripped.json").read_text()
    )
    found = run("patchset", "strip", full, "-s", "bkg", "-o", files / "nothing.json")
    assert found.code == 2
    assert "nothing would be left of channel 'CR'" in found.err
    assert not (files / "nothing.json").exists()


# ---------------------------------------------------------------------------------------------------- scan and contour
def test_scan_and_contour(run: Runner, files: Path) -> None:
    out, table, kept = files / "scan.json", files / "scan.csv", files / "kept.jsonl"
    arguments = ("patchset", "scan", files / "bkg.json", files / "patchset.json", "--resume", kept)
    assert run(*arguments, "-o", out, "--csv", table).code == 0
    assert len(json.loads(out.read_text())["points"]) == 12
    assert len(table.read_text().splitlines()) == 13
    assert run(*arguments).out == out.read_text()  # all kept
    picture, lines = files / "contour.svg", files / "lines.json"
    found = run("patchset", "contour", out, "-o", picture, "--lines", lines, "--title", "A title")
    assert found.code == 0, found.err
    assert "<svg" in picture.read_text()
    assert json.loads(lines.read_text())["contours"]["observed"]
    assert run("plot", "contour", out, "-o", files / "same.svg", "--title", "A title").code == 0
    assert (files / "same.svg").stat().st_size == picture.stat().st_size
    found = run("patchset", "contour", out, "-o", files / "line.png", "--x", "m1", "--at", "m2=50")
    assert found.code == 0, found.err
    for options, words in (
        (("--at", "m2"), "expected LABEL=VALUE"),
        (("--x", "m1"), "hold 'm2' at one of its values (0, 50, 100)"),
    ):
        found = run("patchset", "contour", out, "-o", files / "none.png", *options)
        assert found.code == 2
        assert words in found.err
    assert run("patchset", "contour", out, "-o", files / "picture.xyz").code == 2


def test_scan_on_workers_with_failures(run: Runner, files: Path) -> None:
    document = patches(POINTS[:2]).to_document()
    document["patches"] += [
        {"metadata": {"name": f"bad_{i}", "values": [i, i]}, "patch": [{"op": "remove", "path": "/channels/7"}]}
        for i in range(20)
    ]
    document["patches"] += [
        {"metadata": {"name": f"poor_{i}", "values": [-i, i]}, "patch": [{"op": "remove", "path": f"/no{i}"}]}
        for i in range(1, 23)
    ]
    (files / "some.json").write_text(json.dumps(document))
    found = run("patchset", "scan", files / "bkg.json", files / "some.json", "--workers", "2")
    assert found.code == 0
    assert len(json.loads(found.out)["failed"]) == 42
    assert "failed: bad_0 and 19 more: operation 0" in found.err
    assert "failed: poor_1: operation 0" in found.err
    assert found.err.count("failed: ") == 20
    assert "... and 3 more" in found.err
    document["patches"] = document["patches"][2:]
    (files / "some.json").write_text(json.dumps(document))
    found = run("patchset", "scan", files / "bkg.json", files / "some.json")
    assert found.code == 1
    assert json.loads(found.out)["points"] == []


@pytest.mark.parametrize("option", ["-o", "--csv", "--resume"])
def test_where_nothing_can_be_written_nothing_is_computed(
    option: str, run: Runner, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hftranslate.cli.patchset.scan_patches", lambda *_, **__: pytest.fail("it was computed"))
    found = run("patchset", "scan", files / "bkg.json", files / "patchset.json", option, files / "no" / "x.json")
    assert found.code == 2
    assert "cannot be written: there is no folder" in found.err


def test_scan_of_limits(run: Runner, files: Path) -> None:
    arguments = ("patchset", "scan", files / "bkg.json", files / "patchset.json", "--point", "sig_100_0")
    found = run(*arguments, "--what", "limit", "--level", "0.1", "--minimizer", "scipy", "--conventions", "root")
    assert found.code == 0, found.err
    document = json.loads(found.out)
    assert document["level"] == 0.1
    assert len(document["points"][0]["expected"]) == 5
    found = run(*arguments, "--level", "5")
    assert found.code == 2
    assert "between 0 and 1" in found.err
