"""Scripts as people have them, run with pyhf and, one line changed, with our module; documents and patches."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonpatch
import numpy as np
import pyhf
import pyhf.contrib.viz.brazil
import pyhf.readxml
import pyhf.writexml
import pytest

import hftranslate.pyhf as ours
from tests.pyhf.test_pyhf_values import alike, both, spec

#: pyhf validates by a class that jsonschema has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:jsonschema.RefResolver:DeprecationWarning")
SCRIPTS = {
    "hello": """
model = pyhf.simplemodels.uncorrelated_background(signal=[12.0, 11.0], bkg=[50.0, 52.0], bkg_uncertainty=[3.0, 7.0])
data = [51, 48] + model.config.auxdata
CLs_obs, CLs_exp = pyhf.infer.hypotest(1.0, data, model, test_stat="qtilde", return_expected=True)
answer = float(CLs_obs), float(CLs_exp)
""",
    "limit": """
import numpy as np
pyhf.set_backend("numpy", "scipy")
model = pyhf.simplemodels.correlated_background([5.0, 9.0], [50.0, 40.0], [55.0, 41.0], [46.0, 37.0])
observations = [53, 44]
data = pyhf.tensorlib.astensor(observations + model.config.auxdata)
scan = np.linspace(0, 5, 6)
obs_limit, exp_limits, (scan, results) = pyhf.infer.intervals.upper_limits.upper_limit(
    data, model, scan, level=0.05, return_results=True)
answer = [float(obs_limit)] + [float(x) for x in exp_limits] + [float(r[0]) for r in results]
""",
    "patch": """
import json, jsonpatch
workspace = pyhf.Workspace(spec)
patch = jsonpatch.JsonPatch([{"op": "replace", "path": "/channels/0/samples/1/data", "value": [8.0, 6.0, 4.0]}])
model = workspace.model(measurement_name="first", patches=[patch],
    modifier_settings={"normsys": {"interpcode": "code4"}, "histosys": {"interpcode": "code4p"}})
data = workspace.data(model)
bestfit, twice_nll = pyhf.infer.mle.fit(data, model, return_fitted_val=True)
answer = [float(twice_nll)] + [float(x) for x in model.expected_data(bestfit, include_auxdata=False)]
""",
    "pulls": """
pyhf.set_backend("numpy", pyhf.optimize.minuit_optimizer(tolerance=1e-3))
model = pyhf.Workspace(spec).model()
data = pyhf.Workspace(spec).data(model)
result, corr = pyhf.infer.mle.fit(data, model, return_uncertainties=True, return_correlations=True)
bestfit, errors = result.T
place = model.config.par_slice("scale").start
answer = [float(bestfit[place]), float(errors[place]), float(corr[place, model.config.poi_index])]
pyhf.set_backend("numpy")
""",
    "combine": """
left = pyhf.Workspace(spec)
names = {c: f"other_{c}" for c in left.channels}
right = left.rename({"uncorrelated": "uncorrelated too"}, channels=names).prune(measurements=["second"])
both = pyhf.Workspace.combine(left, right, join="left outer")
model = both.model("first")
answer = [float(pyhf.infer.hypotest(1.0, both.data(model), model))]
""",
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts(name: str) -> None:
    answers = []
    for first_line in ("import pyhf", "import hftranslate.pyhf as pyhf"):
        there = {"spec": spec()}
        exec(first_line + SCRIPTS[name], there)
        answers.append(np.array(there["answer"]))
    np.testing.assert_allclose(answers[1], answers[0], rtol=1e-2, atol=1e-3)  # what MINUIT leaves of derivatives


def workspace(lib: Any) -> Any:
    return lib.Workspace(spec())


EDITS = {
    "prune": lambda lib, w: w.prune(modifiers=["scale"], samples=["a"], measurements=["second"]),
    "prune types": lambda lib, w: w.prune(modifier_types=["staterror", "lumi"], channels=["control"]),
    "rename": lambda lib, w: w.rename(
        {"mu": "strength", "scale": "s"}, {"b": "background"}, {"z": "a"}, {"first": "1"}
    ),
    "sorted": lambda lib, w: lib.Workspace.sorted(w),
    "build": lambda lib, w: built(lib, w.prune(modifier_types=["staterror", "shapesys"])),
    "combine": lambda lib, w: lib.Workspace.combine(w, moved(w)),
    "outer": lambda lib, w: lib.Workspace.combine(w, w.rename(channels={"z": "y"}), join="outer"),
    "left": lambda lib, w: lib.Workspace.combine(w, changed(w), join="left outer"),
    "right": lambda lib, w: lib.Workspace.combine(w, changed(w), join="right outer"),
    "merge": lambda lib, w: lib.Workspace.combine(w, more(w), join="outer", merge_channels=True),
}


def built(lib: Any, w: Any) -> Any:
    with pytest.raises(RuntimeError, match="neither"):  # only some bins of a factor are constant
        lib.Workspace.build(workspace(lib).model(), [0.0] * 5)
    return lib.Workspace.build(w.model("first"), w.data(w.model("first")), name="made")


def moved(w: Any) -> Any:
    return w.rename(channels={c: f"{c}2" for c in w.channels}, measurements={m: f"{m}2" for m in w.measurement_names})


def changed(w: Any) -> Any:
    other = deepcopy(dict(w.rename(channels={"z": "y"})))
    other["channels"][1]["samples"][0]["data"] = [61.0, 2.0]
    other["measurements"][0]["config"]["parameters"][1]["inits"] = [2.0]
    return type(w)(other)


def more(w: Any) -> Any:
    return w.rename(samples={"a": "a2"}).prune(samples=["b", "c"], channels=["control"])


@pytest.mark.parametrize("name", EDITS)
def test_documents_are_edited_alike(name: str) -> None:
    found, wanted = (dict(EDITS[name](lib, workspace(lib))) for lib in (ours, pyhf))
    if name == "build":  # pyhf's numbers are integers where its defaults are
        assert json.loads(json.dumps(found), parse_int=float) == json.loads(json.dumps(wanted), parse_int=float)
    else:
        assert found == wanted
        assert ours.utils.digest(found) == pyhf.utils.digest(wanted)
    assert dict(workspace(ours)) == spec()


@pytest.mark.parametrize("join", ["left outer", "right outer"])
def test_observations_are_joined_by_name_whatever_channels_there_are(join: str) -> None:
    def joined(lib: Any) -> Any:
        right = moved(workspace(lib))
        right["observations"][0]["name"] = "z"
        right["observations"][0]["data"][0] = 99.0
        with pytest.raises(lib.exceptions.InvalidWorkspaceOperation, match="observations"):
            lib.Workspace.combine(workspace(lib), right, join="outer")
        return dict(lib.Workspace.combine(workspace(lib), right, join=join))

    assert joined(ours) == joined(pyhf)


def test_edits_that_cannot_be() -> None:
    w = workspace(ours)
    e = ours.exceptions
    for edit in (
        lambda: w.prune(samples=["d"]),
        lambda: w.prune(modifier_types=["d"]),
        lambda: w.rename(measurements={"third": "x"}),
        lambda: ours.Workspace.combine(w, w),
        lambda: ours.Workspace.combine(w, changed(w), join="outer"),
        lambda: ours.Workspace.combine(w, moved(w).rename(measurements={"first2": "first"}), join="none"),
        lambda: ours.Workspace.combine(w, moved(w) | {"version": "2"}),
        lambda: ours.Workspace.combine(w, w.rename({"mu": "nu"}, channels={"z": "y", "control": "x"}), join="outer"),
    ):
        with pytest.raises(e.InvalidWorkspaceOperation):
            edit()
    for lib in (ours, pyhf):
        with pytest.raises(lib.exceptions.InvalidSpecification):
            workspace(lib).prune(measurements=["first", "second"])
        with pytest.raises(lib.exceptions.InvalidWorkspaceOperation):  # letters are no names
            workspace(lib).prune(channels="control")
    for join in ("inner", "none"):
        with pytest.raises(ValueError, match=join):
            ours.Workspace.combine(w, w, join=join, merge_channels=True)
    for name, index in (("third", None), (None, 7)):
        with pytest.raises(e.InvalidMeasurement):
            w.get_measurement(name, index)
    m = w.model()
    m.config._channels = ["nowhere"]
    with pytest.raises(KeyError):
        w.data(m)
    assert w == workspace(ours)
    assert w != "w"


def patchset() -> dict[str, Any]:
    patches = [
        {
            "metadata": {"name": f"m{mass}", "values": [mass]},
            "patch": [{"op": "replace", "path": "/channels/0/samples/1/data", "value": [mass / 100, 4.0, 5.0]}],
        }
        for mass in (300, 500)
    ]
    digest = pyhf.utils.digest(spec())
    metadata = {
        "references": {"hepdata": "ins1234567"},
        "description": "ours",
        "digests": {"sha256": digest},
        "labels": ["m"],
    }
    return {"metadata": metadata, "patches": patches, "version": "1.0.0"}


def test_patch_sets() -> None:
    for name in ("references", "description", "digests", "labels", "version", "metadata"):
        both(lambda lib, n=name: getattr(lib.PatchSet(patchset()), n))
    both(lambda lib: dict(lib.PatchSet(patchset()).apply(workspace(lib), "m500")))
    both(lambda lib: dict(lib.PatchSet(patchset()).apply(workspace(lib), [300])))
    both(lambda lib: [(p.name, p.values, p.metadata, list(p)) for p in lib.PatchSet(patchset())])
    both(lambda lib: workspace(lib).model(patches=[lib.PatchSet(patchset())["m300"]]).nominal_rates)
    found = ours.PatchSet(patchset())
    assert (len(found), found[[300]], found["m300"].apply(spec())["version"]) == (2, found["m300"], "1.0.0")
    assert repr(found).startswith("<hftranslate.pyhf.patchset.PatchSet object with 2 patches at")
    assert "'m300(300,)'" in repr(found["m300"])
    assert found["m300"] != found["m500"]
    with pytest.raises(ours.exceptions.InvalidPatchLookup):
        _ = found["m400"]
    with pytest.raises(ours.exceptions.PatchSetVerificationError):
        found.verify({})
    for change in ({"name": "m500", "values": [1]}, {"name": "m1", "values": [500]}, {"name": "m1", "values": [1, 2]}):
        bad = patchset()
        bad["patches"][0]["metadata"] = change
        with pytest.raises(ours.exceptions.InvalidPatchSet):
            ours.PatchSet(bad)


def test_xml_there_and_back(tmp_path: Path) -> None:
    """What pyhf writes, both read to the same likelihood; what we write, we read back, and pyhf reads."""

    document = dict(pyhf.Workspace(spec()).prune(measurements=["second"], modifiers=["free"]))
    document["channels"][1]["samples"][0]["data"][1] = 4.0  # no bin is empty, and lumi is on all samples, as in XML
    for channel in document["channels"]:
        for sample in channel["samples"]:
            sample["modifiers"] = [m for m in sample["modifiers"] if m["type"] in ("normfactor", "normsys", "histosys")]
            sample["modifiers"].append({"name": "lumi", "type": "lumi", "data": None})
    values = {}
    for writer in (pyhf, ours):
        folder = tmp_path / writer.__name__
        for part in ("config", "data"):
            (folder / part).mkdir(parents=True)
        driver = folder / "FitConfig.xml"
        driver.write_bytes(writer.writexml.writexml(document, folder / "config", folder / "data", "FitConfig"))
        for reader in (pyhf, ours):
            read = reader.readxml.parse(driver, folder)
            m = reader.Workspace(read).model()
            at = np.array(
                [1.0 if name == "lumi" else 0.7 for name in m.config.par_names]
            )  # pyhf reads no default of lumi
            values[writer.__name__, reader.__name__] = m.expected_data(at, include_auxdata=False)
            with driver.open("rb") as file:
                assert reader.readxml.parse(file, folder)["channels"] == read["channels"]
    first = values["pyhf", "pyhf"]
    for found in values.values():
        alike(found, first, 1e-6)
    ours.readxml.clear_filecache()


@pytest.mark.parametrize("name", ["gamma_stat_b_2", "alpha_x", "Lumi", "mu"])
def test_names_of_root(name: str) -> None:
    both(lambda lib: lib.compat.interpret_rootname(name))


def test_a_name_of_root_that_says_nothing() -> None:
    with pytest.raises(ValueError, match="gamma_x"):
        ours.compat.interpret_rootname("gamma_x")


def test_digests() -> None:
    both(lambda lib: lib.utils.digest(spec(), algorithm="md5"))
    with pytest.raises(ValueError, match="nonsense"):
        ours.utils.digest(spec(), algorithm="nonsense")
    with pytest.raises(ValueError, match="JSON"):
        ours.utils.digest({"a": {1}})


@pytest.mark.parametrize("options", [{}, {"components": True}, {"components": True, "no_cls": True, "no_clb": True}])
def test_brazil(options: dict[str, Any]) -> None:
    """The same curves, bands, labels and order of the legend as pyhf draws."""
    import matplotlib.pyplot as plt

    m = ours.simplemodels.uncorrelated_background([12.0], [50.0], [3.0])
    mus = np.linspace(0.0, 3.0, 4)
    tests = [
        ours.infer.hypotest(mu, [51, *m.config.auxdata], m, return_expected_set=True, return_tail_probs=bool(options))
        for mu in mus
    ]
    drawn = []
    for lib in (pyhf, ours):
        figure, ax = plt.subplots()
        found = lib.contrib.viz.brazil.plot_results(mus, tests, **options)  # into the current axes
        assert found.axes is ax
        assert (found.cls_obs is None) == bool(options.get("no_cls"))
        lines = [(line.get_ydata(), line.get_color(), line.get_linestyle()) for line in ax.lines]
        legend = [text.get_text() for text in ax.get_legend().get_texts()]
        drawn.append((lines, legend, ax.get_xlabel(), ax.get_ylabel(), ax.get_ylim(), len(ax.collections)))
        plt.close(figure)
    for f, w in zip(drawn[1][0], drawn[0][0], strict=True):
        np.testing.assert_array_equal(f[0], w[0])
        assert f[1:] == w[1:]
    assert drawn[1][1:] == drawn[0][1:]
    with pytest.raises(ValueError, match="len of 3"):
        ours.contrib.viz.brazil.plot_results(mus, [t[:2] for t in tests], components=True)


def test_downloads_ask_the_house(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from hftranslate import hepdata
    from hftranslate.errors import InputError

    asked: list[Any] = []

    def fail(source: str, folder: Any, *, rules: Any) -> None:
        asked.append((source, folder, rules))
        raise InputError("no such record")

    monkeypatch.setattr(hepdata, "download", lambda *a, **kw: asked.append((*a, kw["rules"])))
    monkeypatch.setattr(hepdata, "download_archive", fail)
    ours.contrib.utils.download("https://www.hepdata.net/record/resource/1", tmp_path / "a")
    assert asked[-1] == ("https://www.hepdata.net/record/resource/1", tmp_path / "a", None)
    with pytest.raises(ours.exceptions.InvalidArchiveHost):
        ours.contrib.utils.download("https://example.org/x", tmp_path / "a")
    with pytest.raises(ours.exceptions.InvalidArchive, match="no such record"):
        ours.contrib.utils.download("https://example.org/x", tmp_path / "b", force=True, compress=True)
    assert "example.org" in asked[-1][2].hosts


def test_the_name_of_old() -> None:
    m = ours.simplemodels.hepdata_like([12, 11], [50, 52], [3, 7])
    wanted = ours.simplemodels.uncorrelated_background([12, 11], [50, 52], [3, 7])
    assert m.config.auxdata == wanted.config.auxdata


def test_patches_may_come_as_anything_that_is_a_list_of_operations() -> None:
    operations = [{"op": "replace", "path": "/channels/0/samples/1/data", "value": [1.0, 2.0, 3.0]}]
    w = workspace(ours)
    for patch in (operations, jsonpatch.JsonPatch(operations)):
        assert w.model(patches=[patch]).nominal_rates[0, 0, 0].tolist() == [0.0, 0.0, 1.0, 2.0, 3.0]
