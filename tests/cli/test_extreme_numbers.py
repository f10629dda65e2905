"""Models and options with numbers at the limits of double precision: an answer or a sentence, and no warning of Python.

Warnings are errors in tests, and an error that is none of ours is an internal one, which running a command refuses.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cli.conftest import Runner

#: Yields, observations and uncertainties, from the smallest numbers to the largest that are evaluated.
NUMBERS = st.one_of(
    st.floats(0.1, 1000.0),
    st.sampled_from([0.0, 1e-300, 1e-150, 1e-30, 1e-12, 1e-6, 1.0, 50.0, 1e6, 1e12, 1e22, 1e29]),
)
FACTORS = st.one_of(st.floats(0.7, 1.3), st.sampled_from([0.0, 1e-10, 0.5, 2.0, 1e6]))
#: Values of parameters that a user may ask for.
VALUES = st.sampled_from([0.0, 1.0, -1.0, 1e-300, 1e-8, 1e5, 1e12, 1e30, 1e150, 1e300, -1e300])


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """One channel with a signal and up to two backgrounds, each with some of all kinds of systematics."""
    n = draw(st.integers(1, 2))
    bins = st.lists(NUMBERS, min_size=n, max_size=n)
    samples = []
    for name in ["signal", "b0", "b1"][: draw(st.integers(2, 3))]:
        kinds = {
            "normsys": {"name": "norm", "data": {"hi": draw(FACTORS), "lo": draw(FACTORS)}},
            "histosys": {"name": "shape", "data": {"hi_data": draw(bins), "lo_data": draw(bins)}},
            "shapesys": {"name": f"size_{name}", "data": draw(bins)},
            "staterror": {"name": "stat", "data": draw(bins)},
            "normfactor": {"name": "k", "data": None},
        }
        chosen = draw(st.sets(st.sampled_from(sorted(kinds)), max_size=3))
        modifiers = [{"type": kind, **kinds[kind]} for kind in sorted(chosen)]
        if name == "signal":
            modifiers.append({"type": "normfactor", "name": "mu", "data": None})
        samples.append({"name": name, "data": draw(bins), "modifiers": modifiers})
    parameters = [{"name": "mu", "bounds": [[0.0, 1e9]]}] if draw(st.booleans()) else []
    return workspace(samples, draw(bins), *parameters)


def workspace(samples: list[Any], observed: list[float], *parameters: dict[str, Any]) -> dict[str, Any]:
    return {
        "channels": [{"name": "SR", "samples": samples}],
        "observations": [{"name": "SR", "data": observed}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": list(parameters)}}],
        "version": "1.0.0",
    }


@st.composite
def commands(draw: st.DrawFn) -> list[str]:
    """A command without toys, with the options that take numbers."""
    command = draw(st.sampled_from(["fit", "cls", "scan", "yields", "gof", "impacts", "significance"]))
    options = ["--conventions", draw(st.sampled_from(["root", "pyhf"]))]
    match command:
        case "cls":
            options += [f"--test-poi={draw(VALUES)!r}", "--test-stat", draw(st.sampled_from(["q", "qtilde", "t"]))]
        case "significance":
            options += [f"--expected-poi={draw(VALUES)!r}"]
        case _:
            if draw(st.booleans()):
                options += ["--fix", f"{draw(st.sampled_from(['mu', 'norm', 'shape', 'stat[0]']))}={draw(VALUES)!r}"]
            if draw(st.booleans()):
                options += [f"--asimov={draw(VALUES)!r}"]
    if command == "scan":
        options += ["mu", "--points", "3"]
        options += draw(st.sampled_from([[], ["--range=0:1e300"], ["--range=-1e300:1e300"]]))
    if command == "yields":
        options += draw(st.sampled_from([[], ["--postfit"], ["--format", "table"]]))
    return [command, *options]


def no_constant(name: str) -> float:
    raise AssertionError(f"{name} is no JSON")


@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(document=documents(), command=commands())
def test_extreme_numbers_get_an_answer_or_a_sentence(
    run: Runner, tmp_path: Path, document: dict[str, Any], command: list[str]
) -> None:
    path = tmp_path / "w.json"
    path.write_text(json.dumps(document))
    found = run(command[0], path, *command[1:])
    assert found.code in (0, 1, 2)
    if found.code == 2 or not found.out:
        assert found.err.startswith(("hftranslate: ", "warning: ")), found.err
    elif "table" not in command:
        json.loads(found.out, parse_constant=no_constant)


BACKGROUND = {"name": "b", "data": [50.0], "modifiers": [{"type": "staterror", "name": "stat", "data": [4.0]}]}
SIGNAL = {"name": "s", "data": [5.0], "modifiers": [{"type": "normfactor", "name": "mu", "data": None}]}
SCALED = {
    "name": "b",
    "data": [50.0],
    "modifiers": [{"type": "normsys", "name": "norm", "data": {"hi": 1.2, "lo": 0.7}}],
}
NEGATIVE = {"name": "mu", "bounds": [[-10.0, 10.0]]}
STEEP = {
    "name": "b",
    "data": [525.0],
    "modifiers": [
        {"type": "histosys", "name": "shape", "data": {"hi_data": [0.125], "lo_data": [1e12]}},
        {"type": "normsys", "name": "norm", "data": {"hi": 0.95, "lo": 0.0}},
        {"type": "shapesys", "name": "size", "data": [0.33]},
    ],
}


@pytest.mark.parametrize(
    ("background", "observed", "parameters", "command"),
    [
        (BACKGROUND, 1e-300, [NEGATIVE], ["results"]),  # a Hessian of 1e300
        (BACKGROUND, 60.0, [], ["fit", "--fix", "mu=1e300"]),  # yields whose square overflows
        (BACKGROUND, 60.0, [], ["yields", "--asimov=1e300", "--postfit"]),  # and an observation of 1e300
        (SCALED, 60.0, [], ["yields", "--fix", "norm=1e30", "--format", "table"]),  # an infinite factor
        (SCALED, 60.0, [], ["cls", "--test-poi=1e150", "--test-stat", "t"]),
        (SCALED, 60.0, [], ["cls", "--test-poi=1e30", "--test-stat", "ttilde", "--minimizer", "scipy"]),
        (SCALED, 60.0, [], ["fit", "--asimov=1e12", "--minos", "norm"]),
        (STEEP, 1.0, [], ["fit", "--fix", "shape=0", "--conventions", "root"]),  # a slope beyond numbers along a step
    ],
)
def test_where_numbers_overflowed(
    run: Runner, tmp_path: Path, background: Any, observed: float, parameters: list[Any], command: list[str]
) -> None:
    path = tmp_path / "w.json"
    path.write_text(json.dumps(workspace([SIGNAL, background], [observed], *parameters)))
    found = run(command[0], path, *command[1:])
    assert found.code in (0, 1)
    if found.code == 0 and "table" not in command:
        json.loads(found.out, parse_constant=no_constant)
    else:
        assert found.out or found.err.startswith("hftranslate: "), found.err


HUGE = "9" * 24
#: Options that say how many; each with its command.
COUNTS = [
    ["cls", "--calctype", "toybased", "--toys", HUGE],
    ["cls", "--calctype", "toybased", "--toys", "10", "--workers", HUGE],
    ["limit", "--toys", HUGE],
    ["limit", "--points", HUGE],
    ["significance", "--toys", HUGE],
    ["gof", "--toys", HUGE],
    ["gof", "--toys", "10", "--workers", HUGE],
    ["scan", "mu", "--points", HUGE],
    ["scan", "mu", "norm", "--points", "1000000"],
    ["impacts", "--workers", HUGE],
]


@pytest.mark.parametrize("options", COUNTS, ids=" ".join)
def test_huge_counts_are_refused(options: list[str], run: Runner, tmp_path: Path) -> None:
    signal = {"type": "normfactor", "name": "mu", "data": None}
    norm = {"type": "normsys", "name": "norm", "data": {"hi": 1.1, "lo": 0.9}}
    samples = [
        {"name": "signal", "data": [5.0], "modifiers": [signal]},
        {"name": "b", "data": [50.0], "modifiers": [norm]},
    ]
    path = tmp_path / "w.json"
    path.write_text(json.dumps(workspace(samples, [52.0])))
    found = run(options[0], str(path), *options[1:])
    assert found.code == 2
    assert "is not in the range" in found.err or "are taken at most" in found.err
