"""Formulas of Functions: what ROOT's RooFormulaVar makes of random texts, against what we make of them."""

import json
import subprocess
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from hftranslate.errors import Unsupported
from hftranslate.workspace.expressions import Expression, parse_expression
from tests.conftest import REPOSITORY
from tests.formulas import cases

pytestmark = pytest.mark.root

#: What must not be lost, whatever the random ones are.
PLAIN = (
    "1/2*mu",
    "mu*1/2",
    "(-3)/2*mu",
    "2^3/3*mu",
    "pow(3, 1/2)*mu",
    "abs(-3)/2 + mu",
    "TMath::Max(3, 2)/2 + mu",
    "sqrt(4)/4 + sq(3)/2",
    "2^3^2 - mu^2",
    "2**-mu",
    "3--mu",
    "-mu^2",
    "mu^-(nu+1)",
    "e*mu + pi",
    "exp(mu) + log(mu) + log10(mu) + TMath::Exp(nu) + TMath::Log(mu) + TMath::Sqrt(mu)",
    "sin(mu)*cos(nu) - tan(nu)/atan(mu) + sinh(nu)*cosh(mu)*tanh(nu)",
    "min(mu, 2.) + max(nu, 3.) + std::pow(mu, 2) + fabs(nu) + TMath::Abs(nu)",
    "@0*@1 - 1e-3*mu",
    "TMath::Power(mu, 3)/(1.5*mu - nu)",
    "mu > 1 ? mu : nu",
    "(mu>1)*mu + (mu<=1)*nu",
    "nu > 0 ? sqrt(nu) : mu > 1 ? 2 : 3",
    "!(nu > 0) && mu != 2 || 0",
    "TMath::Erf(mu) - TMath::Erfc(nu) + erf(nu)",
    "2.*TMath::Gaus(mu, nu, 1.5, true) + TMath::Freq(nu)",
)
#: Prints one line for each line: values at the points, or null for what ROOT refuses.
PROGRAM = """
import json, os, sys
from quiet import ROOT
lines = os.fdopen(os.dup(1), "w", buffering=1)
nothing = os.open(os.devnull, os.O_WRONLY)
os.dup2(nothing, 1), os.dup2(nothing, 2)
ROOT.gErrorIgnoreLevel = ROOT.kFatal
ROOT.RooMsgService.instance().setGlobalKillBelow(ROOT.RooFit.FATAL)
for line in sys.stdin:
    text, names, points = json.loads(line)
    variables = [ROOT.RooRealVar(name, name, 0.5, -100, 100) for name in names]
    values = []
    try:
        formula = ROOT.RooFormulaVar("f", "f", text, ROOT.RooArgList(*variables))
        for point in points:
            for variable, value in zip(variables, point):
                variable.setVal(value)
            values.append(formula.getVal())
    except Exception:
        values = None
    lines.write(json.dumps(values) + "\\n")
"""
N = 400
STEP = 1e-3


def ask(python: str, questions: Sequence[Any]) -> list[Any]:
    done = subprocess.run(
        [python, "-c", PROGRAM],
        input="".join(json.dumps(q) + "\n" for q in questions),
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
        env={"PYTHONPATH": str(REPOSITORY / "validation" / "make_reference")},
    )
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(questions)
    return answers


def test_plain_formulas(warm_root: str) -> None:
    names, point = ("mu", "nu"), [1.7, -0.6]
    for text, theirs in zip(PLAIN, ask(warm_root, [(text, names, [point]) for text in PLAIN]), strict=True):
        assert parse_expression(text, names).evaluate(point)[0] == pytest.approx(theirs[0], rel=1e-14), text


def accepted(seed: int) -> list[tuple[Expression, tuple[str, ...], list[list[float]]]]:
    found = []
    for text, names, points in cases(seed, N):
        try:
            found.append((parse_expression(text, names), names, points))
        except Unsupported:
            continue
    return found


def same(mine: float, theirs: float, tolerance: float = 1e-12) -> bool:
    """Equal; where ROOT finds no finite number, we may have none at all."""
    if not np.isfinite(theirs):
        return not np.isfinite(mine)
    return bool(abs(mine - theirs) <= tolerance * max(abs(theirs), 1.0))


@pytest.mark.parametrize("seed", [1, 2])
def test_what_we_evaluate_is_what_root_evaluates(warm_root: str, seed: int) -> None:
    """Values of all formulas that we accept; ROOT accepts them all."""
    expressions = accepted(seed)
    assert len(expressions) > 0.7 * N
    answers = ask(warm_root, [(e.text, names, points) for e, names, points in expressions])
    for (e, names, points), theirs in zip(expressions, answers, strict=True):
        if theirs is None:  # a compiler that refused something before may stumble: alone in a process it counts
            (theirs,) = ask(warm_root, [(e.text, names, points)])
        assert theirs is not None, (e.text, names)
        for point, value in zip(points, theirs, strict=True):
            assert same(e.evaluate(point)[0], value), (e.text, names, point)


def test_derivatives(warm_root: str) -> None:
    """Against differences of ROOT's values, where two step sizes show no kink or jump nearby."""
    questions = []
    expressions = [(e, names, [v + 0.0123 for v in x]) for e, names, (x, *_) in accepted(3)]
    for e, names, x in expressions:
        shifted = [[*x[:i], x[i] + k * STEP, *x[i + 1 :]] for i in range(len(names)) for k in range(-4, 5)]
        questions.append((e.text, names, shifted))
    compared = 0
    for (e, names, x), theirs in zip(expressions, ask(warm_root, questions), strict=True):
        value, gradient, hessian = e.evaluate(x)
        for i in range(len(names) if np.isfinite(value) else 0):
            values = np.array(theirs[9 * i : 9 * (i + 1)], dtype=np.float64)
            fine, coarse = differences(values[2:-2], STEP), differences(values[::2], 2.0 * STEP)
            size = 1.0 + np.abs(values).max()
            if not np.all(np.abs(fine - coarse) < np.array([1e-6, 1e-4]) * size):
                continue
            compared += 1
            limits = 10.0 * np.abs(fine - coarse) + np.array([1e-8, 1e-6]) * size
            assert np.all(np.abs([gradient[i], hessian[i, i]] - fine) < limits), (e.text, names, x)
    assert compared > 300


def differences(f: Any, step: float) -> Any:
    """First and second derivative of five values at equal steps, to fourth order."""
    first = (f[0] - 8.0 * f[1] + 8.0 * f[3] - f[4]) / (12.0 * step)
    second = (-f[0] + 16.0 * f[1] - 30.0 * f[2] + 16.0 * f[3] - f[4]) / (12.0 * step**2)
    return np.array([first, second])
