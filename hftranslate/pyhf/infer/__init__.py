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
    **kw: Any,
) -> Any:
    """``CLs`` of a value of the parameter of interest (of ``q0``: ``p0``), and in a tuple what else is wanted.

    That is, in this order: ``[CLs+b, CLb]`` (of ``q0``: ``[CLb]``) for ``return_tail_probs=True``, the median
    expectation for ``return_expected``, that at -2 ... 2 standard deviations for ``return_expected_set``, the
    calculator for ``return_calculator``. All numbers are arrays without axes. What else is given goes to the
    calculator of ``calctype``, ``"asymptotics"`` or ``"toybased"``.
    """
    wanted = [kw.pop(f"return_{what}", False) for what in ("tail_probs", "expected", "expected_set", "calculator")]
    settings = mle.settings_of(pdf, init_pars, par_bounds, fixed_params)
    poi = pdf.config.poi_index
    if poi is None:
        raise exceptions.UnspecifiedPOI("No POI is defined. A POI is required to run a hypothesis test.")
    if settings[2][poi]:
        raise exceptions.InvalidModel(
            f"POI at index [{poi}] is set as fixed, which makes profile likelihood ratio based inference impossible. "
            "Please unfix the POI to continue."
        )
    calculator = utils.create_calculator(kw.pop("calctype", "asymptotics"), data, pdf, *settings, **kw)
    statistic = calculator.teststatistic(poi_test)
    distributions = calculator.distributions(poi_test)
    clsb, clb, cls = map(np.asarray, calculator.pvalues(statistic, *distributions))
    clsb_expected, _, cls_expected = calculator.expected_pvalues(*distributions)
    q0 = kw.get("test_stat") == "q0"
    expected = [np.asarray(p) for p in (clsb_expected if q0 else cls_expected)]
    also = ([clb] if q0 else [clsb, clb]), expected[2], expected, calculator
    found = [clsb if q0 else cls, *(value for value, is_wanted in zip(also, wanted, strict=True) if is_wanted)]
    return tuple(found) if len(found) > 1 else found[0]


from hftranslate.pyhf.infer import intervals  # noqa: E402 - it needs hypotest
