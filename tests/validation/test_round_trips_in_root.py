"""XML models go to JSON and back, and ROOT itself says whether the copy is the model it was.

ROOT's wheel has no XML parser: the XML is described to ROOT by the calls that its parser would make (see
``validation/make_reference/from_xml.py``).
"""

import json
import math
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from hftranslate.errors import InputError
from hftranslate.formats.histfactory_xml import XmlOptions
from hftranslate.likelihood.compile import compile_model
from hftranslate.translation.load import load
from hftranslate.translation.sidecar_file import sidecar_path
from hftranslate.translation.write import to_pyhf_json, to_xml, write_json, write_xml
from hftranslate.workspace import (
    ROOT,
    Channel,
    HistoSys,
    Lumi,
    Measurement,
    NormFactor,
    NormSys,
    ParameterConfig,
    Sample,
    ShapeFactor,
    ShapeSys,
    StatError,
    Workspace,
)
from tests.cases import entries
from tests.conftest import REPOSITORY, shared_files, shared_folder

pytestmark = pytest.mark.root

SCRIPT = REPOSITORY / "validation" / "make_reference" / "observe.py"
#: What pyhf JSON has no word for even in other words: these go to XML directly.
NOT_IN_JSON = (
    "normfactor_twice",
    "shapesys_and_shapefactor_same_name",
    "shapesys_two_channels_same_name",
)
#: What ROOT 6.40 itself refuses, or cannot be told without its parser, and we read as repaired.
NOT_IN_ROOT = (
    "asimov_element",
    "channel_digit",
    "histopath_file_colon/",
    "input_spaces",
    "inputfile_colon_path",
    "lumi_text",
    "printxml_example/xml/",  # only one of its two channels has data
)
#: Read as meant, where ROOT finds no parameter of the name that it takes with its line breaks.
MEANT_OTHERWISE = {"paramsetting_newline": "parameters", "poi_newline": "pois"}
#: ROOT keeps the relative errors of single precision histograms in single precision; a copy has double precision.
SINGLE_PRECISION = 2e-8


def drivers() -> Iterator[tuple[str, Path, Path]]:
    """Label, driver and base folder of every XML model of the shared data that we accept."""
    found = [(f"{e['dir']}/{e['driver']}", e["dir"]) for e in entries("xml")]
    found += [(name, str(Path(name).parent)) for name in shared_files("root_models/*/top.xml")]
    found += [(name, str(Path(name).parent)) for name in shared_files("root_models/quirks/*/top.xml")]
    found += [(name, str(Path(name).parents[1])) for name in shared_files("printxml_example/**/xml/meas.xml")]
    for label, base in found:
        if not any(part in label for part in NOT_IN_ROOT):
            yield label, shared_folder() / label, shared_folder() / base


def through_json(label: str, ws: Workspace, folder: Path) -> Workspace:
    """The workspace as JSON and its sidecar give it back."""
    if any(part in label for part in NOT_IN_JSON):
        return ws
    path = folder / "ws.json"
    write_json(to_pyhf_json(ws, measure=False), path, sidecar=sidecar_path(path))
    restored = load(path, use_sidecar=True)
    assert restored.with_sidecar
    return restored.workspace


@pytest.fixture(scope="module")
def observed(warm_root: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What ROOT makes of every model and of its copy."""
    pairs = []
    for label, driver, base in drivers():
        folder = tmp_path_factory.mktemp("copy")
        try:
            ws = load(driver, xml=XmlOptions(basedir=base, asimov_if_missing=True)).workspace
        except InputError:
            continue  # refused, as tests of the reader show
        write_xml(to_xml(through_json(label, ws, folder), measure=False), folder / "xml", sidecar=False)
        original, copy = [str(driver.relative_to(base)), str(base)], ["FitConfig.xml", str(folder / "xml")]
        pairs.append({"label": label, "original": original, "copy": copy})
    assert len(pairs) > 90
    return run_root(warm_root, pairs)


def run_root(python: str, pairs: list[dict[str, Any]]) -> dict[str, Any]:
    done = subprocess.run(
        [python, str(SCRIPT)], input=json.dumps(pairs), capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr
    results: dict[str, Any] = json.loads(done.stdout)
    return results


@pytest.mark.parametrize("label", [label for label, _, _ in drivers()])
def test_root_sees_the_same_model(label: str, observed: dict[str, Any]) -> None:
    if label not in observed:
        pytest.skip("the reader refuses it")
    found = observed[label]
    assert not isinstance(found, str), found
    assert found
    differ = {what for part, what in MEANT_OTHERWISE.items() if part in label}
    for measurement, sides in found.items():
        compare(sides["original"], sides["copy"], measurement, differ)


def compare(original: Mapping[str, Any], copy: Mapping[str, Any], where: str, differ: set[str]) -> None:
    """Parameters of interest, values, ranges, constants, global observables, data, yields, differences of the NLL."""
    for what in {"pois", "data"} - differ:
        assert copy[what] == original[what], where
    for what in {"parameters", "global_observables"} - differ:
        assert copy[what].keys() == original[what].keys(), where
        for name, expected in original[what].items():
            for mine, theirs in zip(copy[what][name], expected, strict=True):
                same = mine == theirs or mine == pytest.approx(theirs, rel=2.0 * SINGLE_PRECISION)
                assert same, f"{where}: {name}"
    base = None
    finite = 0
    for mine, theirs in zip(copy["points"], original["points"], strict=True):
        at = f"{where}: {theirs['label']}"
        assert mine["yields"].keys() == theirs["yields"].keys(), at
        for channel, samples in theirs["yields"].items():
            assert mine["yields"][channel].keys() == samples.keys(), at
            for sample, row in samples.items():
                assert mine["yields"][channel][sample] == pytest.approx(row, rel=1e-13), f"{at}: {channel}, {sample}"
        assert (mine["nll"] is None) == (theirs["nll"] is None), at
        if theirs["nll"] is not None:
            difference = mine["nll"] - theirs["nll"]
            base = difference if base is None else base
            assert math.isclose(difference, base, abs_tol=1e-6), at
            finite += 1
    assert finite > 0


def several_axes() -> Workspace:
    """Channels of two and three axes with every kind of modifier, and constants and values in single bins."""
    edges = ((0.0, 1.0, 2.5), (0.0, 1.0, 2.0, 3.0))
    flat, solid = _channel("flat", edges), _channel("solid", (*edges, (-1.0, 0.0, 1.0)))
    single = [float(i == 3) for i in range(6)]
    measurement = Measurement(
        name="meas",
        pois=("mu",),
        parameters=(
            ParameterConfig(name="lumi", inits=(1.0,), auxdata=(1.0,), sigmas=(0.02,)),
            ParameterConfig(name="mu", inits=(1.5,), bounds=((0.0, 10.0),)),
            ParameterConfig(name="norm", auxdata=(0.5,)),
            ParameterConfig(name="s_solid", auxdata=tuple(300.0 + i for i in range(12))),
            ParameterConfig(
                name="s_flat", inits=tuple(1.0 + 0.25 * i for i in single), fixed=tuple(bool(i) for i in single)
            ),
        ),
    )
    return Workspace(channels=(flat, solid), measurements=(measurement,), conventions=ROOT)


def _channel(name: str, edges: tuple[tuple[float, ...], ...]) -> Channel:
    n = math.prod(len(axis) - 1 for axis in edges)
    nominal = tuple(20.0 + 3.0 * i for i in range(n))
    signal = Sample(name="sig", nominal=tuple(1.0 + i for i in range(n)), modifiers=(Lumi(), NormFactor(name="mu")))
    background = Sample(
        name="bkg",
        nominal=nominal,
        modifiers=(
            Lumi(),
            NormSys(name="norm", lo=0.9, hi=1.15),
            HistoSys(
                name="shape",
                lo_data=tuple(h - 0.5 * i for i, h in enumerate(nominal)),
                hi_data=tuple(h + 0.3 * i * i for i, h in enumerate(nominal)),
            ),
            StatError(name=f"staterror_{name}", data=tuple(1.0 + 0.2 * i for i in range(n)), constraint="poisson"),
            ShapeSys(name=f"s_{name}", data=tuple(0.05 + 0.01 * i for i in range(n)), relative=True),
            ShapeFactor(name=f"f_{name}"),
        ),
    )
    observed = tuple(25.0 + 2.0 * i for i in range(n))
    return Channel(name=name, samples=(signal, background), observed=observed, edges=edges)


def test_several_axes_have_roots_yields_and_likelihood(warm_root: str, tmp_path: Path) -> None:
    ws = several_axes()
    write_xml(to_xml(ws, measure=False), tmp_path, sidecar=False)
    place = ["FitConfig.xml", str(tmp_path)]
    found = run_root(warm_root, [{"label": "axes", "original": place, "copy": place}])["axes"]["meas"]["original"]
    model, data = compile_model(ws)
    names = model.parameters.root_names
    assert set(names) == set(found["parameters"])
    for i, name in enumerate(names):
        init, low, high, fixed = found["parameters"][name]
        assert model.parameters.init[i] == init, name
        assert model.parameters.bounds[i] == pytest.approx((low, high)), name
        assert bool(model.parameters.fixed[i]) == fixed, name
    assert found["data"] == {c.name: list(c.observed or ()) for c in ws.channels}
    base = None
    for point in found["points"]:
        theta = model.parameters.init.copy()
        for name, value in point["values"].items():
            theta[names.index(name)] = value
        rates = model.sample_rates(theta).to_list()
        for channel, per_sample in zip(ws.channels, rates, strict=True):
            for sample, row in zip(channel.samples, per_sample, strict=True):
                assert point["yields"][channel.name][sample.name] == pytest.approx(row, rel=1e-12), point["label"]
        difference = model.nll(theta, data) - point["nll"]
        base = difference if base is None else base
        assert difference == pytest.approx(base, abs=1e-9), point["label"]
