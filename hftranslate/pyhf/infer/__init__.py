"""Hypothesis tests (:func:`hypotest`), fits (``mle``) and limits (``intervals.upper_limits``), all as pyhf has them."""

from typing import Any

import numpy as np

from hftranslate.pyhf import exceptions
from hftranslate.pyhf.infer import calculators, mle, test_statistics, utils

__all__ = ["calculators", "hypotest", "intervals", "mle", "test_statistics", "utils"]


def hypotest(poi_test: Any, data: Any, pdf: Any, *settings: Any, **kw: Any) -> Any:
    """``CLs`` of a value of the parameter of interest (of ``q0``: ``p0``), and in a tuple what else is wanted.

    That is, in this order: ``[CLs+b, CLb]`` (of ``q0``: ``[CLb]``) for ``return_tail_probs=True``, the median
    expectation for ``return_expected``, that at -2 ... 2 standard deviations for ``return_expected_set``, the
    calculator for ``return_calculator``. All numbers are arrays without axes. What else is given, ``init_pars``,
    ``par_bounds`` and ``fixed_params`` first, goes to the calculator of ``calctype``, ``"asymptotics"`` or
    ``"toybased"``.
    """
    wanted = [kw.pop(f"return_{what}", False) for what in ("tail_probs", "expected", "expected_set", "calculator")]
    if pdf.config.poi_index is None:
        raise exceptions.UnspecifiedPOI("No POI is defined. A POI is required to run a hypothesis test.")
    calculator = utils.create_calculator(kw.pop("calctype", "asymptotics"), data, pdf, *settings, **kw)
    if calculator.fixed_params[pdf.config.poi_index]:
        raise exceptions.InvalidModel("The POI is set as fixed, which leaves nothing to profile. Please unfix it.")
    statistic = calculator.teststatistic(poi_test)
    distributions = calculator.distributions(poi_test)
    clsb, clb, cls = map(np.asarray, calculator.pvalues(statistic, *distributions))
    clsb_expected, _, expected = calculator.expected_pvalues(*distributions)
    tails = [clsb, clb]
    if calculator.test_stat == "q0":
        cls, tails, expected = clsb, [clb], clsb_expected
    also = zip((tails, expected[2], expected, calculator), wanted, strict=True)
    found = [cls, *(value for value, is_wanted in also if is_wanted)]
    return tuple(found) if len(found) > 1 else cls


from hftranslate.pyhf.infer import intervals  # noqa: E402 - it needs hypotest
