"""What RooStats' own calculators say: the asymptotic one as a check, and toys."""

from typing import Any

from evaluation import RootModel
from quiet import ROOT, no_standard_output

STATS: Any = ROOT.RooStats
SIGMAS = (-2, -1, 0, 1, 2)
Json = dict[str, Any]

STATS.AsymptoticCalculator.SetPrintLevel(-1)


def _hypotheses(model: RootModel, poi: float) -> tuple[Any, Any]:
    """Model configurations of signal plus background, with the POI at the tested value, and of background."""
    found = []
    for name, value in (("signal", poi), ("background", 0.0)):
        config = model.configuration.Clone(f"{name}_model")
        parameter = config.GetParametersOfInterest().first()
        before = parameter.getVal()
        parameter.setVal(value)
        config.SetSnapshot(ROOT.RooArgSet(parameter))
        parameter.setVal(before)
        found.append(config)
    return found[0], found[1]


def asymptotic(model: RootModel, poi: float, statistic: str) -> Json:
    """The test by ``AsymptoticCalculator``, as users run it: good to about 1e-3, because of its tolerance."""
    model.reset()
    signal, background = _hypotheses(model, poi)
    with no_standard_output():
        calculator = STATS.AsymptoticCalculator(model.observed.data, background, signal)
        calculator.SetOneSided(True)
        calculator.SetQTilde(statistic == "qtilde")
        result = calculator.GetHypoTest()
    result.SetBackgroundAsAlt(True)
    expected = [
        float(
            STATS.AsymptoticCalculator.GetExpectedPValues(result.NullPValue(), result.AlternatePValue(), k, True, True)
        )
        for k in SIGMAS
    ]
    found = {
        "poi": poi,
        "test_stat": statistic,
        "calculator": "roostats",
        "CLsb": float(result.CLsplusb()),
        "CLb": float(result.CLb()),
        "CLs_obs": float(result.CLs()),
        "CLs_exp": expected,
    }
    model.reset()
    return found


def toys(model: RootModel, poi: float, statistic: str, n: int, seed: int) -> Json:
    """The test by ``FrequentistCalculator`` with ``n`` toys of each hypothesis, with statistical errors.

    Nuisance parameters are profiled on the data at the tested value and at zero, global observables drawn around them.
    """
    model.reset()
    ROOT.RooRandom.randomGenerator().SetSeed(seed)
    signal, background = _hypotheses(model, poi)
    with no_standard_output():
        calculator = STATS.FrequentistCalculator(model.observed.data, background, signal)
        calculator.SetToys(n, n)
        ratio = STATS.ProfileLikelihoodTestStat(signal.GetPdf())
        ratio.SetOneSided(True)
        ratio.SetPrintLevel(-1)
        calculator.GetTestStatSampler().SetTestStatistic(ratio)
        result = calculator.GetHypoTest()
    result.SetBackgroundAsAlt(True)
    found = {
        "poi": poi,
        "test_stat": statistic,
        "calculator": "toys",
        "q": 2.0 * float(result.GetTestStatisticData()),
        "CLsb": float(result.CLsplusb()),
        "CLb": float(result.CLb()),
        "CLs_obs": float(result.CLs()),
        "CLs_exp": [None] * 5,
        "toys": {
            "n": n,
            "seed": seed,
            "CLsb_error": float(result.CLsplusbError()),
            "CLb_error": float(result.CLbError()),
            "CLs_error": float(result.CLsError()),
        },
    }
    model.reset()
    return found
