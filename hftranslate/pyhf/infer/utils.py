"""Calculators and test statistics by their names."""

from collections.abc import Callable
from typing import Any

from hftranslate.pyhf import exceptions
from hftranslate.pyhf.infer import test_statistics

_STATISTICS = {"q0": test_statistics.q0, "q": test_statistics.qmu, "qtilde": test_statistics.qmu_tilde}


def get_test_stat(name: str) -> Callable[..., Any]:
    """The function of ``"q0"``, ``"q"`` or ``"qtilde"``."""
    if name not in _STATISTICS:
        raise exceptions.InvalidTestStatistic(f"no test statistic {name!r}; expected one of {list(_STATISTICS)}")
    return _STATISTICS[name]


def create_calculator(calctype: str, *args: Any, **kwargs: Any) -> Any:
    """A calculator, ``"asymptotics"`` or ``"toybased"``."""
    from hftranslate.pyhf.infer import calculators

    of = {"asymptotics": calculators.AsymptoticCalculator, "toybased": calculators.ToyCalculator}
    return of[calctype](*args, **kwargs)
