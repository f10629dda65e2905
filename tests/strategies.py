"""Hypothesis strategies that generate valid workspaces."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any, Literal

from hypothesis import strategies as st

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


@cache  # building a strategy costs more than drawing from it
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


def _tuples(entry: st.SearchStrategy[Any], n: int) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.tuples(*[entry] * n)


@st.composite
def _plan(draw: st.DrawFn, dialect: Dialect) -> dict[str, Any]:
    """What the modifiers of all channels share: disjoint names for each kind of parameter."""
    pool = draw(name_lists(8, 8))
    rich = dialect == "any"
    return {
        "lumi": draw(st.sampled_from(["lumi", "lumi", "luminosity"])) if rich else "lumi",
        "normfactor": pool[:2],
        "alpha": pool[2:5],
        "shapefactor": pool[5:7],
        "gamma": pool[7],  # a prefix, made unique where it is used
        "shared_bins": rich and draw(st.booleans()),  # a shapesys that shares its factors with a shapefactor
        "rich": rich,
    }


@st.composite
def _modifiers(
    draw: st.DrawFn, plan: dict[str, Any], channel: int, sample: int, n: int, staterror: dict[str, Any]
) -> tuple[Modifier, ...]:
    rich = plan["rich"]
    found: list[Modifier] = []
    if draw(st.booleans()):
        found.append(Lumi(name=plan["lumi"]))
    found += [NormFactor(name=x) for x in draw(st.sets(st.sampled_from(plan["normfactor"])).map(sorted))]
    for name in draw(st.sets(st.sampled_from(plan["alpha"])).map(sorted)):
        which = draw(st.sampled_from(["normsys", "histosys", "both"]))
        if which != "histosys":
            code = draw(st.sampled_from(["code4", "code1"])) if rich else "code4"
            lo, hi = draw(_quantities(0.5, 1.0)), draw(_quantities(1.0, 1.5))
            found.append(NormSys(name=name, lo=lo, hi=hi, interpolation=code))  # type: ignore[arg-type]
        if which != "normsys":
            additive = draw(st.sampled_from(["code4p", "code0", "code2"])) if rich else "code4p"
            lo_data, hi_data = draw(yields(n)), draw(yields(n))
            found.append(HistoSys(name=name, lo_data=lo_data, hi_data=hi_data, interpolation=additive))  # type: ignore[arg-type]
    if draw(st.booleans()):
        found.append(StatError(data=draw(uncertainties(n)), **staterror))
    if draw(st.booleans()):
        relative = rich and draw(st.booleans())
        kind = draw(st.sampled_from(["gaussian", "poisson"])) if rich else "poisson"
        data = draw(_tuples(st.sampled_from([0.0, 0.0625, 0.3]), n) if relative else uncertainties(n))
        name = f"{plan['gamma']}_sys{channel}_{sample}"
        found.append(ShapeSys(name=name, data=data, relative=relative, constraint=kind))  # type: ignore[arg-type]
        if plan["shared_bins"]:
            found.append(ShapeFactor(name=name))
    if draw(st.booleans()):  # channels with as many bins share it
        found.append(ShapeFactor(name=f"{draw(st.sampled_from(plan['shapefactor']))}_{n}bins"))
    return tuple(draw(st.permutations(found)))


@st.composite
def _edges(draw: st.DrawFn, n: int) -> tuple[Numbers, ...] | None:
    if draw(st.booleans()):
        return None
    axes = draw(st.sampled_from([(n,), (2, n // 2)] if n % 2 == 0 else [(n,)]))
    start = draw(st.sampled_from([0, -2.5]))
    return tuple(tuple(start + i * 0.5 for i in range(m + 1)) for m in axes)


@cache
def _annotations(rich: bool) -> st.SearchStrategy[tuple[tuple[str, str], ...]]:
    if not rich:
        return st.just(())
    return st.lists(st.tuples(names(), names()), max_size=2, unique_by=lambda a: a[0]).map(tuple)


@st.composite
def _channel(draw: st.DrawFn, plan: dict[str, Any], index: int, name: str, n: int) -> Channel:
    rich = plan["rich"]
    staterror: dict[str, Any] = {"name": f"{plan['gamma']}_stat{index}"}
    if rich:
        staterror["constraint"] = draw(st.sampled_from(["gaussian", "poisson"]))
        staterror["threshold"] = draw(st.sampled_from([0.0, 0.05]))
    samples = [
        Sample(
            name=sample,
            nominal=draw(yields(n)),
            modifiers=draw(_modifiers(plan, index, i, n, staterror)),
            annotations=draw(_annotations(plan["rich"])),
        )
        for i, sample in enumerate(draw(name_lists(1, 4)))
    ]
    observed = _tuples(st.one_of(st.integers(0, 400), st.floats(0.0, 400.0)), n)
    return Channel(
        name=name,
        samples=tuple(samples),
        observed=draw(st.none() | observed) if rich else draw(observed),
        edges=draw(_edges(n)) if rich else None,
        annotations=draw(_annotations(plan["rich"])),
    )


@st.composite
def _config(draw: st.DrawFn, declared: DeclaredParameter, rich: bool) -> ParameterConfig:
    """Settings that fit the parameter; those of a luminosity are complete."""
    n = declared.size
    near = _tuples(st.one_of(st.just(1), st.floats(0.875, 1.125)), n)
    settings: dict[str, Any] = {
        "inits": near,
        "bounds": _tuples(st.sampled_from([(0, 10), (0.0, 2.5), (0.5, 1.5)]), n),
        "fixed": st.booleans() | _tuples(st.booleans(), n) if rich else st.booleans(),
    }
    modifiers = [m for _, _, m in declared.uses if isinstance(m, (StatError, ShapeSys))]
    required: list[str] = []
    if declared.kind == "lumi":
        settings |= {"auxdata": near, "sigmas": st.tuples(st.sampled_from([0.017, 0.25]))}
        required = ["auxdata", "sigmas"]
    elif declared.kind == "alpha":
        settings |= {"auxdata": st.tuples(st.sampled_from([0, 0.0, 0.5]))}
        settings["bounds"] = st.tuples(st.sampled_from([(-5, 5), (-5.0, 2.5)]))
    elif modifiers:
        scale = "sigmas" if modifiers[0].constraint == "gaussian" else "factors"
        settings |= {"auxdata": near, scale: _tuples(st.sampled_from([1, 0.5, 4.0]), n)}
    wanted = sorted({*required, *draw(st.sets(st.sampled_from(sorted(settings))))})
    return ParameterConfig(name=declared.name, **{key: draw(settings[key]) for key in wanted})


@st.composite
def _measurement(draw: st.DrawFn, name: str, channels: Sequence[Channel], plan: dict[str, Any]) -> Measurement:
    rich = plan["rich"]
    declared = declared_parameters(channels)
    chosen = draw(st.sets(st.sampled_from(sorted(declared)))) if declared else set()
    chosen |= {name for name, d in declared.items() if d.kind == "lumi"}
    configs = [draw(_config(declared[p], rich)) for p in draw(st.permutations(sorted(chosen)))]
    scalar = [p for p, d in declared.items() if d.kind != "gamma"]
    candidates = st.sampled_from([*scalar, "no such parameter"])
    alphas = sorted(p for p, d in declared.items() if d.kind == "alpha")
    terms = []
    if rich and alphas:
        for systematic in draw(st.sets(st.sampled_from(alphas), max_size=2).map(sorted)):
            kind = draw(st.sampled_from(["gamma", "lognormal", "uniform", "none"]))
            size = 0.0 if kind == "none" else 0.5
            terms.append(ConstraintTerm(name=systematic, kind=kind, relative_uncertainty=size))  # type: ignore[arg-type]
    return Measurement(
        name=name,
        pois=tuple(draw(st.lists(candidates, max_size=3 if rich else 1, unique=True))),
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
    plan = draw(_plan(dialect))
    channels = [draw(_channel(plan, i, name, draw(st.integers(1, 4)))) for i, name in enumerate(draw(name_lists(1, 3)))]
    labels = draw(st.lists(names() | st.just(""), min_size=1, max_size=2, unique=True))
    rich: dict[str, Any] = {}
    if dialect == "any":
        functions = [Function(name="f", expression="1+0.1*x", dependents="x[0,-5,5]")]
        rich = {
            "functions": tuple(draw(st.sampled_from([[], functions]))),
            "conventions": draw(st.sampled_from([PYHF, ROOT])),
            "annotations": draw(_annotations(plan["rich"])),
        }
    measurements = tuple(draw(_measurement(label, channels, plan)) for label in labels)
    return Workspace(channels=tuple(channels), measurements=measurements, **rich)


def _shuffled(draw: st.DrawFn, items: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(draw(st.permutations(list(items))))


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
