"""Functions and constraint terms: what ROOT makes of the XML that we write and read, against what we make of it.

ROOT's wheel has no XML parser: the XML is described to ROOT by the calls that its parser would make (see
``validation/make_reference/from_xml.py``).
"""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hftranslate.errors import Unsupported
from hftranslate.formats.histfactory_xml import XmlOptions
from hftranslate.likelihood.compile import compile_model
from hftranslate.likelihood.model import Model
from hftranslate.translation.load import load
from hftranslate.translation.write import to_xml, write_xml
from hftranslate.workspace import (
    ROOT,
    Channel,
    ConstraintTerm,
    Function,
    HistoSys,
    Lumi,
    Measurement,
    Modifier,
    NormFactor,
    NormSys,
    ParameterConfig,
    Sample,
    Workspace,
)
from tests.conftest import REPOSITORY

pytestmark = pytest.mark.root

SCRIPTS = REPOSITORY / "validation" / "make_reference"
MODELS_PROGRAM = """
import json, os, sys
from evaluation import RootModel
from from_xml import read_xml
results = {}
for label, (folder, points) in json.load(sys.stdin).items():
    os.chdir(folder)
    model = RootModel(read_xml("FitConfig.xml"))
    results[label] = {
        "poi": model.poi,
        "parameters": {p.name: [p.init, p.low, p.high, p.fixed] for p in model.parameters},
        "yields": [model.yields(point) for point in points],
        "nll": [model.nll(point)[0] for point in points],
    }
json.dump(results, sys.stdout)
"""
#: Constants that ROOT's Gamma and LogNormal terms bring along.
HELPERS = ("theta_", "kappa_", "tau_")


def run(python: str, program: str, given: object) -> Any:
    environment = {**os.environ, "PYTHONPATH": str(SCRIPTS)}
    done = subprocess.run(
        [python, "-c", program],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def model(
    signal: tuple[Modifier, ...] = (),
    background: tuple[Modifier, ...] = (),
    *functions: tuple[str, str, str],
    control: tuple[Modifier, ...] | None = None,
    pois: tuple[str, ...] = ("mu",),
    terms: tuple[ConstraintTerm, ...] = (),
    settings: tuple[ParameterConfig, ...] = (),
) -> Workspace:
    samples = (
        Sample(name="sig", nominal=(5.0, 10.0, 3.0), modifiers=(Lumi(), *signal)),
        Sample(name="bkg", nominal=(50.0, 60.0, 20.0), modifiers=(Lumi(), *background)),
    )
    channels = [Channel(name="SR", samples=samples, observed=(58.0, 80.0, 29.0))]
    if control is not None:
        sample = Sample(name="bkg", nominal=(80.0, 40.0), modifiers=(Lumi(), *control))
        channels.append(Channel(name="CR", samples=(sample,), observed=(90.0, 41.0)))
    lumi = ParameterConfig(name="lumi", auxdata=(1.0,), sigmas=(0.1,), inits=(1.0,))
    return Workspace(
        channels=tuple(channels),
        measurements=(Measurement(name="meas", pois=pois, constraint_terms=terms, parameters=(lumi, *settings)),),
        functions=tuple(Function(name=n, expression=e, dependents=d) for n, e, d in functions),
        conventions=ROOT,
    )


A, B = NormSys(name="a", lo=0.9, hi=1.15), NormSys(name="b", lo=0.8, hi=1.1)
SHAPE = HistoSys(name="a", lo_data=(47.0, 61.0, 18.0), hi_data=(54.0, 58.0, 23.0))
F, G, H, MU = (NormFactor(name=n) for n in ("f", "g", "h", "mu"))
MODELS = {
    "a new parameter": model((F,), (A,), ("f", "sqrt(mu)", "mu[1,0,10]")),
    "several functions of a parameter": model(
        (F,), (A, G), ("f", "mu*k", "mu[1,0,10],k[1.2,0.5,3]"), ("g", "1+0.1*(k-1)", "k"), ("h", "k", "k[1.2,0.5,3]")
    ),
    "functions of functions": model(
        (F, G), (A, H), ("f", "mu*mu", "mu[1,0,10]"), ("g", "2/(1+f)", "f"), ("h", "@0/@1", "g,f")
    ),
    "systematics and the luminosity": model(
        (F, MU), (A, B), ("f", "(1+0.1*alpha_a)*Lumi^2", "alpha_a[0.5,-2,2],Lumi[1.1,0.5,1.5]")
    ),
    "constants, a value outside the range": model((F,), (A,), ("f", "c*mu", "c[2],mu[20,0,10]")),
    "a parameter that is a norm factor, too": model(
        (F,), (A,), ("f", "1/mu", "mu[2,0.5,10]"), control=(MU,), settings=(ParameterConfig(name="mu", inits=(3.0,)),)
    ),
    "settings of a parameter of a function": model(
        (F,),
        (A,),
        ("f", "mu*k", "mu[1,0,10],k[1.2,0.5,3]"),
        settings=(
            ParameterConfig(name="k", inits=(2.0,), fixed=True),
            ParameterConfig(name="mu", bounds=((0.0, 5.0),)),
        ),
    ),
    "a lognormal term": model(
        (MU,), (A, B), terms=(ConstraintTerm(name="a", kind="lognormal", relative_uncertainty=0.3),)
    ),
    "a gamma term": model((MU,), (A, B), terms=(ConstraintTerm(name="a", kind="gamma", relative_uncertainty=0.5),)),
    "a gamma term beside a shape": model(
        (MU,),
        (A, SHAPE),
        terms=(ConstraintTerm(name="a", kind="gamma", relative_uncertainty=0.4),),
        settings=(ParameterConfig(name="beta_a", inits=(1.2,)),),
    ),
    "a uniform term": model((MU,), (A, B), terms=(ConstraintTerm(name="a", kind="uniform", relative_uncertainty=1.0),)),
    "no term": model((MU,), (A, B), terms=(ConstraintTerm(name="a", kind="none"),)),
    "a function of a lognormal and of a gamma parameter": model(
        (F, MU),
        (A, B),
        ("f", "1+0.1*alpha_a-0.05*beta_b", "alpha_a[0,-5,5],beta_b[1,0,10]"),
        terms=(
            ConstraintTerm(name="a", kind="lognormal", relative_uncertainty=0.3),
            ConstraintTerm(name="b", kind="gamma", relative_uncertainty=0.5),
        ),
    ),
}
#: Texts to exchange in the written XML, for what our own Workspaces do not say.
EDITED = {
    "a norm factor that contradicts": ("a parameter that is a norm factor, too", 'Low="0.5"', 'Low="-3"'),
    "a dependent that does not exist": ("a new parameter", "mu[1,0,10]", "mu"),
    "definitions that differ": ("several functions of a parameter", "k[1.2,0.5,3]", "k[1,0.5,3]"),
}


def points(compiled: Model) -> list[dict[str, float]]:
    """The start, every parameter alone, and all together, by ROOT's names, inside the ranges and gently."""
    p = compiled.parameters
    start = dict(zip(p.root_names, p.init.tolist(), strict=True))
    found = [start]
    low, high = np.maximum(p.bounds[:, 0], p.init - 1.0), np.minimum(p.bounds[:, 1], p.init + 1.0)
    moving = np.flatnonzero(~p.fixed).tolist()
    for fraction in (0.2, 0.45, 0.8):
        found += [{**start, p.root_names[i]: float(low[i] + fraction * (high[i] - low[i]))} for i in moving]
    rng = np.random.default_rng(5)
    for _ in range(4):
        theta = low + rng.uniform(0.2, 0.8, len(p)) * (high - low)
        found.append({**start, **{p.root_names[i]: float(theta[i]) for i in moving}})
    return found


@pytest.fixture(scope="module")
def observed(warm_root: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Workspaces as read back from the XML, points, and what ROOT says there."""
    spaces, tasks = {}, {}
    for label, (source, old, new) in {**{k: (k, "", "") for k in MODELS}, **EDITED}.items():
        folder = tmp_path_factory.mktemp("xml")
        write_xml(to_xml(MODELS[source], measure=False), folder, sidecar=False)
        _exchange(folder, old, new)
        spaces[label] = load(folder / "FitConfig.xml", xml=XmlOptions(basedir=folder)).workspace
        tasks[label] = (str(folder), points(compile_model(spaces[label])[0]))
    results = run(warm_root, MODELS_PROGRAM, tasks)
    return {label: (spaces[label], tasks[label][1], results[label]) for label in tasks}


def _exchange(folder: Path, old: str, new: str) -> None:
    if old:
        paths = [p for p in [folder / "FitConfig.xml", *folder.glob("config/*.xml")] if old in p.read_text()]
        assert paths
        for path in paths:
            head, _, tail = path.read_text().rpartition(old)
            path.write_text(head + new + tail)


@pytest.mark.parametrize("label", [*MODELS, *EDITED])
def test_root_agrees(label: str, observed: Mapping[str, Any]) -> None:
    """Parameters, ranges and constants; yields to 1e-9; differences of the NLL to 1e-6 (3e-5 for Gamma)."""
    space, where, theirs = observed[label]
    compiled, data = compile_model(space)
    p = compiled.parameters
    found = {n: v for n, v in theirs["parameters"].items() if not n.startswith(HELPERS)}
    assert found.keys() == set(p.root_names)
    for name, (init, low, high, fixed) in found.items():
        i = p.root_names.index(name)
        assert (p.init[i], bool(p.fixed[i])) == (init, fixed), name
        assert [v if np.isfinite(v) else None for v in p.bounds[i].tolist()] == [low, high], name
    assert theirs["poi"] == ("mu" if "mu" in p.root_names else None)
    gamma = any(t.kind == "gamma" for t in space.measurements[0].constraint_terms)
    base = None
    for point, yields, nll in zip(where, theirs["yields"], theirs["nll"], strict=True):
        theta = np.array([point[n] for n in p.root_names])
        for channel, rates in zip(space.channels, compiled.sample_rates(theta).to_list(), strict=True):
            for sample, row in zip(channel.samples, rates, strict=True):
                assert row == pytest.approx(yields[channel.name][sample.name], rel=1e-9), (point, sample.name)
        difference = compiled.nll(theta, data) - nll
        base = difference if base is None else base
        assert difference == pytest.approx(base, abs=3e-5 if gamma else 1e-6), point


def test_what_is_read_back_is_what_was_written(observed: Mapping[str, Any]) -> None:
    for label, ws in MODELS.items():
        back = observed[label][0]
        assert back.measurements[0].constraint_terms == ws.measurements[0].constraint_terms, label
        assert [f.expression for f in back.functions] == [f.expression for f in ws.functions], label
    assert [f.name for f in observed["definitions that differ"][0].functions] == ["f", "g"]


def test_more_than_arithmetic_is_refused() -> None:
    ws = model((F,), (A,), ("f", "TMath::BesselI0(mu)", "mu[1,0,10]"))
    with pytest.raises(Unsupported, match="no function 'TMath::BesselI0'"):
        compile_model(ws)
