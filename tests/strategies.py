"""Hypothesis strategies that generate valid workspaces.

To build a strategy costs more than to draw from it: what depends on sizes alone is kept, and what depends on what was
drawn before are functions that draw.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any, Literal

from hypothesis import reject
from hypothesis import strategies as st

from hftranslate.errors import InputError
from hftranslate.likelihood.compile import compile_model
from hftranslate.likelihood.model import Data, Model
from hftranslate.workspace import (
    PYHF,
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
    Numbers,
    ParameterConfig,
    Sample,
    ShapeFactor,
    ShapeSys,
    StatError,
    Workspace,
)
from hftranslate.workspace.parameter_names import DeclaredParameter, declared_parameters

Dialect = Literal["any", "pyhf-json"]

#: Names that file formats, paths and patches like to trip over.
WEIRD_NAMES = [
    "SR", "CR/ttbar", "a b", " ", "~0", "~1x", "µ→eγ", "日本", "\N{GRINNING FACE}", "0lep", "x.y", "q'uote", 'dq"x',
    "<&>", "back\\slash", "tab\there", "p[0]", "JES", "Type", "name", "-", "mu",
]  # fmt: skip


def _not_reserved(name: str) -> bool:
    return name not in ("lumi", "luminosity")


@cache
def names() -> st.SearchStrategy[str]:
    """A name, plain or weird; never the luminosity's, and without lone surrogates."""
    plain = st.text("abcXYZ019_", min_size=1, max_size=6)
    unicode = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=4)
    return st.one_of(plain, st.sampled_from(WEIRD_NAMES), unicode).filter(_not_reserved)


@cache
def name_lists(shortest: int, longest: int) -> st.SearchStrategy[list[str]]:
    """Names, all different."""
    return st.lists(names(), min_size=shortest, max_size=longest, unique=True)


@cache
def _quantities(low: float, high: float) -> st.SearchStrategy[int | float]:
    """Numbers without extremes, int or float, on a grid or not."""
    return st.one_of(
        st.floats(low, high),
        st.integers(max(int(low), 1), max(int(high), 1)),
        st.integers(max(int(low), 1), max(int(high), 1)).map(float),
    )


@cache
def yields(n: int) -> st.SearchStrategy[Numbers]:
    """Nominal yields: positive as a rule, some bins empty, seldom negative."""
    entry = st.one_of(_quantities(0.5, 500.0), _quantities(0.5, 500.0), st.sampled_from([0, 0.0, 0.0, -0.25]))
    return _tuples(entry, n)


@cache
def uncertainties(n: int) -> st.SearchStrategy[Numbers]:
    """Uncertainties in events, some zero."""
    return _tuples(st.one_of(_quantities(0.125, 20.0), st.sampled_from([0, 0.0])), n)


@cache
def _tuples(entry: st.SearchStrategy[Any], n: int) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.tuples(*[entry] * n)


@cache
def _one_of(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


@cache
def _orders(n: int) -> st.SearchStrategy[list[int]]:
    return st.permutations(range(n))


@cache
def _places(n: int, most: int) -> st.SearchStrategy[list[int]]:
    """Some of so many places, none twice."""
    return st.lists(st.integers(0, n - 1), max_size=most, unique=True)


_YES_OR_NO = st.booleans()
_NEAR_ONE = st.one_of(st.just(1), st.floats(0.875, 1.125))
_COUNTS = st.one_of(st.integers(0, 400), st.floats(0.0, 400.0))
_RELATIVE = st.sampled_from([0.0, 0.0625, 0.3])
_BOUNDS = st.sampled_from([(0, 10), (0.0, 2.5), (0.5, 1.5)])
_BOUNDS_OF_ALPHA = st.tuples(st.sampled_from([(-5, 5), (-5.0, 2.5)]))
_AUXDATA_OF_ALPHA = st.tuples(st.sampled_from([0, 0.0, 0.5]))
_WIDTHS_OF_LUMI = st.tuples(st.sampled_from([0.017, 0.25]))
_SCALES = st.sampled_from([1, 0.5, 4.0])


def _some(draw: st.DrawFn, items: Sequence[Any]) -> list[Any]:
    """Any of them, in their order."""
    return [item for item in items if draw(_YES_OR_NO)]


def _shuffled(draw: st.DrawFn, items: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(items[i] for i in draw(_orders(len(items))))


def _plan(draw: st.DrawFn, dialect: Dialect) -> dict[str, Any]:
    """What the modifiers of all channels share: disjoint names for each kind of parameter."""
    pool = draw(name_lists(8, 8))
    rich = dialect == "any"
    return {
        "lumi": draw(_one_of("lumi", "lumi", "luminosity")) if rich else "lumi",
        "normfactor": pool[:2],
        "alpha": pool[2:5],
        "shapefactor": pool[5:7],
        "gamma": pool[7],  # a prefix, made unique where it is used
        "shared_bins": rich and draw(_YES_OR_NO),  # a shapesys that shares its factors with a shapefactor
        "rich": rich,
    }


def _modifiers(
    draw: st.DrawFn, plan: dict[str, Any], channel: int, sample: int, n: int, staterror: dict[str, Any]
) -> tuple[Modifier, ...]:
    rich = plan["rich"]
    found: list[Modifier] = []
    if draw(_YES_OR_NO):
        found.append(Lumi(name=plan["lumi"]))
    found += [NormFactor(name=x) for x in _some(draw, plan["normfactor"])]
    for name in _some(draw, plan["alpha"]):
        which = draw(_one_of("normsys", "histosys", "both"))
        if which != "histosys":
            code = draw(_one_of("code4", "code1")) if rich else "code4"
            lo, hi = draw(_quantities(0.5, 1.0)), draw(_quantities(1.0, 1.5))
            found.append(NormSys(name=name, lo=lo, hi=hi, interpolation=code))  # type: ignore[arg-type]
        if which != "normsys":
            additive = draw(_one_of("code4p", "code0", "code2")) if rich else "code4p"
            lo_data, hi_data = draw(yields(n)), draw(yields(n))
            found.append(HistoSys(name=name, lo_data=lo_data, hi_data=hi_data, interpolation=additive))  # type: ignore[arg-type]
    if draw(_YES_OR_NO):
        found.append(StatError(data=draw(uncertainties(n)), **staterror))
    if draw(_YES_OR_NO):
        relative = rich and draw(_YES_OR_NO)
        kind = draw(_one_of("gaussian", "poisson")) if rich else "poisson"
        data = draw(_tuples(_RELATIVE, n) if relative else uncertainties(n))
        name = f"{plan['gamma']}_sys{channel}_{sample}"
        found.append(ShapeSys(name=name, data=data, relative=relative, constraint=kind))  # type: ignore[arg-type]
        if plan["shared_bins"]:
            found.append(ShapeFactor(name=name))
    if draw(_YES_OR_NO):  # channels with as many bins share it
        found.append(ShapeFactor(name=f"{draw(_one_of(*plan['shapefactor']))}_{n}bins"))
    return _shuffled(draw, found)


def _edges(draw: st.DrawFn, n: int) -> tuple[Numbers, ...] | None:
    if draw(_YES_OR_NO):
        return None
    axes = draw(_one_of((n,), (2, n // 2)) if n % 2 == 0 else _one_of((n,)))
    start = draw(_one_of(0, -2.5))
    return tuple(tuple(start + i * 0.5 for i in range(m + 1)) for m in axes)


@cache
def _labels() -> st.SearchStrategy[list[str]]:
    return st.lists(names() | st.just(""), min_size=1, max_size=2, unique=True)


@cache
def _annotations(rich: bool) -> st.SearchStrategy[tuple[tuple[str, str], ...]]:
    if not rich:
        return st.just(())
    return st.lists(st.tuples(names(), names()), max_size=2, unique_by=lambda a: a[0]).map(tuple)


def _channel(draw: st.DrawFn, plan: dict[str, Any], index: int, name: str, n: int) -> Channel:
    rich = plan["rich"]
    staterror: dict[str, Any] = {"name": f"{plan['gamma']}_stat{index}"}
    if rich:
        staterror["constraint"] = draw(_one_of("gaussian", "poisson"))
        staterror["threshold"] = draw(_one_of(0.0, 0.05))
    samples = [
        Sample(
            name=sample,
            nominal=draw(yields(n)),
            modifiers=_modifiers(draw, plan, index, i, n, staterror),
            annotations=draw(_annotations(plan["rich"])),
        )
        for i, sample in enumerate(draw(name_lists(1, 4)))
    ]
    observed = draw(_tuples(_COUNTS, n)) if not rich or draw(_YES_OR_NO) else None
    return Channel(
        name=name,
        samples=tuple(samples),
        observed=observed,
        edges=_edges(draw, n) if rich else None,
        annotations=draw(_annotations(plan["rich"])),
    )


def _config(draw: st.DrawFn, declared: DeclaredParameter, rich: bool) -> ParameterConfig:
    """Settings that fit the parameter; those of a luminosity are complete."""
    n = declared.size
    near = _tuples(_NEAR_ONE, n)
    settings: dict[str, Any] = {
        "inits": near,
        "bounds": _tuples(_BOUNDS, n),
        "fixed": _tuples(_YES_OR_NO, n) if rich and draw(_YES_OR_NO) else _YES_OR_NO,
    }
    modifiers = [m for _, _, m in declared.uses if isinstance(m, (StatError, ShapeSys))]
    required: list[str] = []
    if declared.kind == "lumi":
        settings |= {"auxdata": near, "sigmas": _WIDTHS_OF_LUMI}
        required = ["auxdata", "sigmas"]
    elif declared.kind == "alpha":
        settings |= {"auxdata": _AUXDATA_OF_ALPHA, "bounds": _BOUNDS_OF_ALPHA}
    elif modifiers:
        scale = "sigmas" if modifiers[0].constraint == "gaussian" else "factors"
        settings |= {"auxdata": near, scale: _tuples(_SCALES, n)}
    wanted = sorted({*required, *_some(draw, sorted(settings))})
    return ParameterConfig(name=declared.name, **{key: draw(settings[key]) for key in wanted})


def _measurement(draw: st.DrawFn, name: str, channels: Sequence[Channel], plan: dict[str, Any]) -> Measurement:
    rich = plan["rich"]
    declared = declared_parameters(channels)
    chosen = set(_some(draw, sorted(declared)))
    chosen |= {name for name, d in declared.items() if d.kind == "lumi"}
    configs = [_config(draw, declared[p], rich) for p in _shuffled(draw, sorted(chosen))]
    candidates = [*(p for p, d in declared.items() if d.kind != "gamma"), "no such parameter"]
    alphas = sorted(p for p, d in declared.items() if d.kind == "alpha")
    terms = []
    if rich and alphas:
        for i in sorted(draw(_places(len(alphas), 2))):
            kind = draw(_one_of("gamma", "lognormal", "uniform", "none"))
            size = 0.0 if kind == "none" else 0.5
            terms.append(ConstraintTerm(name=alphas[i], kind=kind, relative_uncertainty=size))
    return Measurement(
        name=name,
        pois=tuple(candidates[i] for i in draw(_places(len(candidates), 3 if rich else 1))),
        parameters=tuple(configs),
        constraint_terms=tuple(terms),
        annotations=draw(_annotations(plan["rich"])),
    )


@st.composite
def workspaces(draw: st.DrawFn, dialect: Dialect = "any") -> Workspace:
    """A small valid workspace: one to three channels of one to four bins and samples, all seven modifiers.

    Parameters
    ----------
    dialect
        ``"any"``: everything a Workspace can say; ``"pyhf-json"``: only what pyhf JSON can.
    """
    plan = _plan(draw, dialect)
    channels = [
        _channel(draw, plan, i, name, draw(_one_of(1, 2, 3, 4))) for i, name in enumerate(draw(name_lists(1, 3)))
    ]
    labels = draw(_labels())
    rich: dict[str, Any] = {}
    if dialect == "any":
        functions = [Function(name="f", expression="1+0.1*x", dependents="x[0,-5,5]")]
        rich = {
            "functions": tuple(functions if draw(_YES_OR_NO) else ()),
            "conventions": draw(_one_of(PYHF, ROOT)),
            "annotations": draw(_annotations(plan["rich"])),
        }
    measurements = tuple(_measurement(draw, label, channels, plan) for label in labels)
    return Workspace(channels=tuple(channels), measurements=measurements, **rich)


@st.composite
def permuted(draw: st.DrawFn, workspace: Workspace) -> Workspace:
    """The same content in another order: channels, samples, modifiers, measurements, parameter settings."""
    channels = [
        replace(c, samples=_shuffled(draw, [replace(s, modifiers=_shuffled(draw, s.modifiers)) for s in c.samples]))
        for c in workspace.channels
    ]
    measurements = [
        replace(
            m,
            parameters=_shuffled(draw, m.parameters),
            constraint_terms=_shuffled(draw, m.constraint_terms),
        )
        for m in workspace.measurements
    ]
    return replace(workspace, channels=_shuffled(draw, channels), measurements=_shuffled(draw, measurements))


@st.composite
def likelihoods(draw: st.DrawFn) -> tuple[Model, Data]:
    """The model and the data of such a workspace, as either ROOT or pyhf evaluates it."""
    space = replace(draw(workspaces()), conventions=draw(st.sampled_from([PYHF, ROOT])))
    try:
        return compile_model(space)
    except InputError:
        reject()
