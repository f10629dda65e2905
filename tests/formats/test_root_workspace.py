"""Files that hist2workspace wrote: read without ROOT, they mean what the XML means that they were made from.

The small files in ``tests/data/root_workspace`` were written by ROOT 6.40 from the cases of the same names, by
``validation/make_reference/root_workspaces.py``; ``shapefactor_VR`` is that of one channel, ``measurements`` has three
objects; ``without_measurement``, ``edited`` and ``foreign`` are for ``test_root_workspace_graph.py``.
"""

import json
import math
import os
import re
import shutil
import struct
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings

from hftranslate.difference import difference
from hftranslate.errors import InputError
from hftranslate.formats import histfactory_xml, root_workspace
from hftranslate.formats.histfactory_xml import XmlOptions
from hftranslate.formats.histfactory_xml.grammar import Notes
from hftranslate.formats.root_histograms import Histogram
from hftranslate.formats.root_histograms.container import Damaged, Key, RootFile
from hftranslate.formats.root_workspace.layouts import FIXED, Layouts, Member
from hftranslate.formats.root_workspace.measurement import MEASUREMENT, elements_of
from hftranslate.formats.root_workspace.read import layouts_in
from hftranslate.formats.root_workspace.streamed import MAX_DEPTH, Reader
from hftranslate.likelihood.compile import compile_model
from hftranslate.translation.load import load, read
from hftranslate.translation.write import to_xml, write_xml
from hftranslate.workspace import Workspace
from tests.cases import entries
from tests.conftest import REPOSITORY, shared_files, shared_folder
from tests.mutations import edits

CASES = REPOSITORY / "validation" / "cases"
FILES = REPOSITORY / "tests" / "data" / "root_workspace"
SCRIPT = REPOSITORY / "validation" / "make_reference" / "root_workspaces.py"
WHOLE = ["constraint_gamma", "histosys", "measurements", "shapefactor", "shapesys_poisson", "staterror_external"]
#: How many mutations are tried; more on demand.
MUTATIONS = int(os.environ.get("MUTATIONS", "300"))


def only(workspace: Workspace, measurement: str) -> Workspace:
    return replace(workspace, measurements=tuple(m for m in workspace.measurements if m.name == measurement))


def of_xml(driver: Path, **options: Any) -> Workspace:
    return histfactory_xml.read(driver, XmlOptions(basedir=driver.parent, **options))[0]


def assert_same(one: Workspace, two: Workspace) -> None:
    found = difference(one, two)
    assert found.equal, found.items
    assert found.largest == 0.0
    assert [c.name for c in one.channels] == [c.name for c in two.channels]
    assert [m.name for m in one.measurements] == [m.name for m in two.measurements]


# ------------------------------------------------------------------------------------------------ what is in the files
@pytest.mark.parametrize("name", WHOLE)
def test_a_file_means_what_its_xml_means(name: str) -> None:
    assert_same(of_xml(CASES / name / "model.xml"), read(FILES / f"{name}.root"))


def test_it_is_recognised_by_content(tmp_path: Path) -> None:
    shutil.copy(FILES / "histosys.root", tmp_path / "model.json")
    found = load(tmp_path / "model.json", use_sidecar=True)
    assert (found.format, found.with_sidecar) == ("root", False)
    assert_same(of_xml(CASES / "histosys" / "model.xml"), found.workspace)


def test_the_histograms_need_no_file_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = shutil.copy(FILES / "shapesys_poisson.root", tmp_path / "moved.root")
    monkeypatch.chdir(tmp_path)
    assert_same(of_xml(CASES / "shapesys_poisson" / "model.xml"), read(moved))


def test_the_file_of_one_channel_is_that_channel() -> None:
    whole = of_xml(CASES / "shapefactor" / "model.xml")
    [channel] = read(FILES / "shapefactor_VR.root").channels
    assert channel == whole.channel("VR")


def test_measurement_and_workspace_are_chosen() -> None:
    whole = of_xml(CASES / "measurements" / "model.xml")
    [one] = load(FILES / "measurements.root", xml=XmlOptions(measurement="both")).workspace.measurements
    assert one.name == "both"
    alone = load(FILES / "measurements.root", xml=XmlOptions(workspace="SR")).workspace
    assert_same(replace(whole, channels=(whole.channel("SR"),)), alone)
    together = load(FILES / "measurements.root", xml=XmlOptions(workspace="combined")).workspace
    assert_same(whole, together)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (XmlOptions(measurement="bth"), "has no measurement 'bth'; did you mean 'both'?"),
        (XmlOptions(workspace="SRR"), "has no workspace 'SRR'; did you mean 'SR'?"),
    ],
)
def test_a_choice_that_is_not_there_is_refused(options: XmlOptions, told: str) -> None:
    with pytest.raises(InputError, match=re.escape(told)):
        load(FILES / "measurements.root", xml=options)


def test_histograms_alone_are_refused_by_what_they_are() -> None:
    with pytest.raises(InputError, match=r"a ROOT file without a Measurement of .* \(it holds TDirectory"):
        read(CASES / "histosys" / "data.root")


def test_what_lies_in_a_file_is_shown() -> None:
    found = root_workspace.contents(FILES / "shapefactor.root")
    [space] = found.workspaces
    assert (space.name, space.model_configs, space.snapshots) == ("combined", ("ModelConfig",), ("NominalParamValues",))
    assert set(space.data_sets) == {"obsData", "asimovData"}
    assert (found.version, found.measurements, found.others["TDirectory"]) == ("6.40/00", ("measurement",), 2)


@pytest.mark.parametrize("file", shared_files("xml/**/*_model.root"))
def test_what_lies_in_files_of_old_versions_is_shown(file: str) -> None:
    for space in root_workspace.contents(shared_folder() / file).workspaces:
        assert space.model_configs == ("ModelConfig",)
        assert space.snapshots == ("NominalParamValues",)
        assert set(space.data_sets) == {"obsData", "asimovData"}


# ------------------------------------------------------------------------------------------------------ other versions
def written_with_xml() -> Iterator[Any]:
    """Files of other versions of ROOT beside the XML that they were made from."""
    for driver, pattern in (
        ("xml/pyhf_xmlimport_input/config/example.xml", "xml/pyhf_xmlimport_input/results/*_combined_*_model.root"),
        ("xml/pyhf_multibin_p0/config/example.xml", "xml/pyhf_multibin_p0/results/*_combined_*_model.root"),
    ):
        for file in shared_files(pattern):
            yield pytest.param(driver, file, id=Path(file).stem)


@pytest.mark.parametrize(("driver", "file"), list(written_with_xml()))
def test_files_of_old_versions_mean_what_their_xml_means(driver: str, file: str) -> None:
    found = read(shared_folder() / file)
    [measurement] = found.measurements
    path = shared_folder() / driver
    xml, _ = histfactory_xml.read(path, XmlOptions(basedir=path.parents[1]))
    assert_same(only(xml, measurement.name), found)


def test_the_file_of_trexfitter_is_read(shared: Path) -> None:
    folder = shared / "xml" / "trexfitter_three_lepton"
    [file] = folder.rglob("*_combined_*_model.root")
    [driver] = [p for p in folder.rglob("*.xml") if b"<Combination" in p.read_bytes()]
    assert_same(histfactory_xml.read(driver, XmlOptions(basedir=folder))[0], read(file))


# -------------------------------------------------------------------------------------------------------------- damage
def measurement_object() -> dict[str, Any]:
    """The members of the Measurement of a file."""
    file = RootFile((FILES / "histosys.root").read_bytes())
    [key] = [k for k in file.top.values() if k.class_name == MEASUREMENT]
    return Reader(file.payload(key), key.key_bytes, layouts_in(file)).object(MEASUREMENT)


def sentence(work: Callable[[], object]) -> str:
    """What is said where a file is refused; nothing where it is read."""
    try:
        work()
    except (Damaged, InputError) as error:
        return str(error)
    return ""


@given(edit=edits())
@settings(max_examples=MUTATIONS, deadline=None)
def test_a_damaged_file_ends_in_one_sentence(edit: Any) -> None:
    data = edit((FILES / "shapefactor.root").read_bytes())
    said = sentence(lambda: root_workspace.read("x.root", data=data))
    assert not said or (said.startswith("x.root") and "\n" not in said)
    said = sentence(lambda: root_workspace.contents("x.root", data=data))
    assert not said or (said.startswith("x.root") and "\n" not in said)


@pytest.mark.parametrize("of", [MEASUREMENT, "RooWorkspace", "TList"])
@given(edit=edits())
@settings(max_examples=MUTATIONS // 3, deadline=None)
def test_a_damaged_object_ends_in_one_sentence(of: str, edit: Any) -> None:
    """What compression would hide: bytes of the objects themselves, and of the layouts that they are read by."""
    data = (FILES / "shapefactor.root").read_bytes()
    intact = RootFile.payload

    def damaged(file: RootFile, key: Key) -> bytes:
        payload = intact(file, key)
        return edit(payload) if key.class_name == of else payload

    with patch.object(RootFile, "payload", damaged):
        for look in (root_workspace.read, root_workspace.contents):
            said = sentence(partial(look, "x.root", data=data))
            assert not said or (said.startswith("x.root") and "\n" not in said)


def streamed(members: tuple[Member, ...], body: bytes) -> tuple[Reader, str]:
    """A reader of one object of a class of these members."""
    data = struct.pack(">IH", 0x40000000 | (len(body) + 2), 1) + body
    return Reader(data, 0, Layouts({("X", 1): members}, {})), "X"


@pytest.mark.parametrize("count", [2**31 - 1, 2**30, -1, 1000])
def test_a_count_is_bounded_by_the_bytes_that_are_there(count: int) -> None:
    body = struct.pack(">IHi", 0x40000000 | 6, 9, count)
    reader, name = streamed((Member("v", 500, "vector<double>"),), body)
    with pytest.raises(Damaged, match="more than its bytes can hold"):
        reader.object(name)


def test_objects_that_hold_themselves_are_bounded() -> None:
    reader, name = streamed((Member("x", 61, "X"),), struct.pack(">IH", 0x40000000 | 2, 1) * (2 * MAX_DEPTH))
    with pytest.raises(Damaged, match=r"deeper than|does not end|after its record"):
        reader.object(name)


def test_collections_in_collections_are_bounded() -> None:
    text = "vector<" * 5000 + "int" + ">" * 5000
    reader, name = streamed((Member("x", 500, text),), struct.pack(">IHi", 0x40000000 | 6, 9, 1) + b"\0\0\0\1" * 5000)
    with pytest.raises(Damaged):
        reader.object(name)


def test_a_class_that_the_file_does_not_describe_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """As newer versions of ROOT may write: a class that ROOT forgets to describe, with other members."""
    monkeypatch.setattr("hftranslate.formats.root_workspace.layouts._FORGOTTEN", {})
    with pytest.raises(InputError, match=r"does not describe its RooStats::HistFactory::ShapeSys, .*; give the XML"):
        read(FILES / "shapesys_poisson.root")


def test_measurements_of_different_models_are_chosen_from(monkeypatch: pytest.MonkeyPatch) -> None:
    intact = Reader.object

    def other(reader: Reader, class_name: str) -> Any:
        found = intact(reader, class_name)
        if found["fName"] == "both":
            found["fChannels"].pop()
        return found

    monkeypatch.setattr(Reader, "object", other)
    with pytest.raises(InputError, match="'nominal' and 'both' are of different models; choose one with --measurement"):
        read(FILES / "measurements.root")
    assert len(load(FILES / "measurements.root", xml=XmlOptions(measurement="both")).workspace.channels) == 1


def test_a_type_that_is_not_known_is_named() -> None:
    reader, name = streamed((Member("f", 9, "Double32_t"),), b"\0" * 8)
    with pytest.raises(Damaged, match=r"type 9 \(Double32_t\) of X::f"):
        reader.object(name)


def test_maps_and_vectors_of_vectors() -> None:
    body = struct.pack(">IHi", 0x40000000 | 18, 9, 1) + b"\0\0\0\x02" + struct.pack(">ii", 7, 8)
    body += struct.pack(">IHi", 0x40000000 | 17, 9, 1) + b"\x02ab" + struct.pack(">d", 2.5)
    members = (Member("v", 500, "vector<vector<int> >"), Member("m", 500, "map<string,double>"))
    reader, name = streamed(members, body)
    assert reader.object(name) == {"v": [[7, 8]], "m": {"ab": 2.5}}


def test_the_classes_that_describe_classes_are_described() -> None:
    """The fixed layouts lead to each other, and to no class that is not among them."""
    names = {name for name, _ in FIXED.members}
    bases = {m.name for members in FIXED.members.values() for m in members if m.number == 0}
    assert bases <= names


def test_a_bin_that_is_not_finite_is_refused() -> None:
    measurement = measurement_object()
    sample = measurement["fChannels"][0]["fSamples"][0]
    sample["fhNominal"] = {"fHist": Histogram(contents=(1.0, float("nan"), 2.0), edges=((0.0, 1.0, 2.0, 3.0),))}
    with pytest.raises(InputError, match=r"x.root: SR/signal: the histogram has a bin with nan"):
        elements_of(measurement, "x.root", Notes())


def test_a_histofactor_is_nothing_as_for_root() -> None:
    measurement, notes = measurement_object(), Notes()
    plain = elements_of(measurement, "x.root", notes)
    measurement["fChannels"][0]["fSamples"][0]["fHistoFactorList"].append({"fName": "shape"})
    assert elements_of(measurement, "x.root", notes).channels == plain.channels
    assert "the HistoFactor 'shape' is in the Measurement" in notes.outcomes()[0].what


def test_the_first_version_of_the_class() -> None:
    """ROOT 5.34: one text of parameters of interest, no values, functions in the words of RooFit's factory."""
    measurement = measurement_object()
    old = {name: value for name, value in measurement.items() if name not in ("fParamValues", "fPOI")}
    old |= {"fPOI": "mu k", "fPreprocessFunctions": ["expr::f('a*b',{a[1,0,2],b[3]})"], "fFunctionObjects": []}
    found = elements_of(old, "x.root", Notes())
    assert [node.text for node in found.measurement.all("POI")] == ["mu", "k"]
    [function] = found.functions
    assert function.attributes == {"Name": "f", "Expression": "a*b", "Dependents": "a[1,0,2],b[3]"}
    with pytest.raises(InputError, match="is not expr::NAME"):
        elements_of({**old, "fPreprocessFunctions": ["prod::f(a,b)"]}, "x.root", Notes())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda m: m.pop("fPOI"), "has no fPOI"),
        (lambda m: m["fPOI"].append("a b"), "no parameter can have the name 'a b'"),
        (lambda m: m["fChannels"].append(m["fChannels"][0]), "has two channels named 'SR'"),
        (lambda m: m["fChannels"][0]["fStatErrorConfig"].update(fConstraintType=7), "a constraint of type 7"),
    ],
)
def test_what_has_no_meaning_is_refused_by_name(change: Any, told: str) -> None:
    measurement = measurement_object()
    change(measurement)
    with pytest.raises(InputError, match=re.escape(told)):
        elements_of(measurement, "x.root", Notes())


# -------------------------------------------------------------------------------------------------------- by real ROOT
#: ROOT normalises the Gamma term by a numerical integral, good to 1e-6 only (docs/conventions.md).
GAMMA = 1e-6


def by_root(python: str, *arguments: object) -> None:
    subprocess.run([python, str(SCRIPT), *map(str, arguments)], capture_output=True, check=True, text=True)


def files_of(python: str, folder: Path, drivers: list[Path], basedir: Path | None = None) -> list[list[Path]]:
    """The files that ROOT writes from each driver, one for each measurement."""
    by_root(python, "write", *drivers, "-o", folder, *(["--basedir", basedir] if basedir else []))
    return [sorted((folder / str(i)).glob("model_combined_*_model.root")) for i in range(len(drivers))]


def assert_all_of(whole: Workspace, files: list[Path]) -> None:
    """Each file holds the measurement of its name, and the model is that of the XML."""
    assert len(files) == len(whole.measurements)
    for file in files:
        found = read(file)
        assert_same(only(whole, found.measurements[0].name), found)


def assert_nll(python: str, folder: Path, files: list[Path], *, old: bool = False) -> None:
    """Our NLL of what was read is that of the RooWorkspace in the same file, at twelve points at least."""
    by_root(python, "nll", *files, "-o", folder / "nll.json")
    for file, points in json.loads((folder / "nll.json").read_text()).items():
        workspace = read(file)
        model, data = compile_model(workspace)
        places = {name: i for i, name in enumerate(model.parameters.root_names)}
        gamma = any(t.kind == "gamma" for m in workspace.measurements for t in m.constraint_terms)
        assert len(points) >= 12 or not places
        shift = 0.0
        if "alpha_lumi" not in places and any("alpha_lumi" in point["values"] for point in points):
            shift = in_our_lumi(workspace, points)
        if old:  # of unbinned data: without a constant
            shift = -model.logpdf(np.array(model.parameters.init), data) - points[0]["nll"]
            assert points[0]["values"] == {}
        for point in points:
            theta = np.array(model.parameters.init, dtype=np.float64)
            for name, value in point["values"].items():
                theta[places[name]] = value
            expected = pytest.approx(point["nll"] + shift, rel=0, abs=GAMMA if gamma else 1e-9)
            assert -model.logpdf(theta, data) == expected, file


def in_our_lumi(workspace: Workspace, points: list[Any]) -> float:
    """Where ROOT has a Function of ``alpha_lumi``, ours is a change of variables: what that adds to the NLL."""
    lumi = workspace.measurements[0].parameter("lumi")
    assert lumi is not None
    [sigma], [centre] = lumi.sigmas or (), lumi.auxdata or ()
    for point in points:
        point["values"]["Lumi"] = centre + sigma * point["values"].pop("alpha_lumi", 0.0)
    return math.log(sigma)


@pytest.mark.root
def test_files_that_root_writes_of_all_cases(warm_root: str, tmp_path: Path) -> None:
    drivers = [p for p in sorted(CASES.rglob("*.xml")) if b"<Combination" in p.read_bytes()]
    written = files_of(warm_root, tmp_path, drivers)
    for driver, files in zip(drivers, written, strict=True):
        assert_all_of(of_xml(driver), files)
    assert_nll(warm_root, tmp_path, [file for files in written for file in files])


@pytest.mark.root
@pytest.mark.parametrize("entry", [pytest.param(e, id=f"{e['dir']}/{e['driver']}") for e in entries("xml")])
def test_files_that_root_writes_of_real_models(entry: Any, warm_root: str, tmp_path: Path) -> None:
    basedir = shared_folder() / entry["dir"]
    driver = basedir / entry["driver"]
    [files] = files_of(warm_root, tmp_path, [driver], basedir)
    assert_all_of(histfactory_xml.read(driver, XmlOptions(basedir=basedir))[0], files)
    assert_nll(warm_root, tmp_path, files)


@pytest.mark.root
def test_workspaces_in_files_of_old_versions(warm_root: str, shared: Path, tmp_path: Path) -> None:
    """Those with Gaussian constraints, up to a constant. ROOT 6.40 refuses the Gamma term that 6.10 wrote."""
    patterns = ("xml/*/results/*_combined_[CG][oa][nu]s*_model.root", "xml/trexfitter*/**/*_combined_*_model.root")
    files = [shared / file for pattern in patterns for file in shared_files(pattern)]
    assert len(files) >= 4
    assert_nll(warm_root, tmp_path, files, old=True)


@pytest.mark.root
def test_json_goes_to_xml_to_root_and_back(warm_root: str, tmp_path: Path) -> None:
    """What ROOT builds of the XML that we write is read as the model that the XML is."""
    originals = sorted(CASES.glob("json_*/*.json"))
    drivers = []
    for original in originals:
        folder = tmp_path / original.parent.name
        write_xml(to_xml(read(original), measure=False), folder, sidecar=False)
        drivers.append(folder / "FitConfig.xml")
    written = files_of(warm_root, tmp_path / "root", drivers)
    for driver, files in zip(drivers, written, strict=True):
        assert_all_of(of_xml(driver), files)
    assert_nll(warm_root, tmp_path, [file for files in written for file in files])
