"""Hypothesis tests (:func:`hypotest`), fits (``mle``) and limits (``intervals.upper_limits``), all as pyhf has them."""

from typing import Any

import numpy as np

from hftranslate.pyhf import exceptions
from hftranslate.pyhf.infer import calculators, mle, test_statistics, utils

__all__ = ["calculators", "hypotest", "intervals", "mle", "test_statistics", "utils"]


def hypotest(
    poi_test: Any,
    data: Any,
    pdf: Any,
    init_pars: Any = None,
    par_bounds: Any = None,
    fixed_params: Any = None,
    calctype: str = "asymptotics",
    return_tail_probs: bool = False,
    return_expected: bool = False,
    return_expected_set: bool = False,
    return_calculator: bool = False,
    **kwargs: Any,
) -> Any:
    """``CLs`` of a value of the parameter of interest (of ``q0``: ``p0``), and in a tuple what else is wanted.

    In this order: ``[CLs+b, CLb]`` (of ``q0``: ``[CLb]``), the median expectation, that at -2 ... 2 standard
    deviations, the calculator. All numbers are arrays without axes.
    """
    settings = mle.settings_of(pdf, init_pars, par_bounds, fixed_params)
    poi = pdf.config.poi_index
    if poi is None:
        raise exceptions.UnspecifiedPOI("No POI is defined. A POI is required to run a hypothesis test.")
    if settings[2][poi]:
        raise exceptions.InvalidModel(
            f"POI at index [{poi}] is set as fixed, which makes profile likelihood ratio based inference impossible. "
            "Please unfix the POI to continue."
        )
    calculator = utils.create_calculator(calctype, data, pdf, *settings, **kwargs)
    statistic = calculator.teststatistic(poi_test)
    distributions = calculator.distributions(poi_test)
    clsb, clb, cls = map(np.asarray, calculator.pvalues(statistic, *distributions))
    clsb_expected, _, cls_expected = calculator.expected_pvalues(*distributions)
    q0 = kwargs.get("test_stat") == "q0"
    expected = [np.asarray(p) for p in (clsb_expected if q0 else cls_expected)]
    found: list[Any] = [clsb if q0 else cls]
    if return_tail_probs:
        found.append([clb] if q0 else [clsb, clb])
    if return_expected:
        found.append(expected[2])
    if return_expected_set:
        found.append(expected)
    if return_calculator:
        found.append(calculator)
    return tuple(found) if len(found) > 1 else found[0]


from hftranslate.pyhf.infer import intervals  # noqa: E402 - it needs hypotest
