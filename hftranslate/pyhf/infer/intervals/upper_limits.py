"""Upper limits: where CLs falls to a level."""

from typing import Any

import numpy as np

from hftranslate.pyhf.infer import hypotest


def upper_limit(data: Any, model: Any, scan: Any = None, level: float = 0.05, **kw: Any) -> Any:
    """The observed limit and the five expected ones: on a grid, or by root finding where none is given.

    With ``return_results=True`` the tested values come, too, and their tests; what else is given goes to the tests.
    """
    if scan is not None:
        return linear_grid_scan(data, model, scan, level, **kw)
    with_results = kw.pop("return_results", False)
    low, high = model.config.suggested_bounds()[model.config.poi_index]
    return toms748_scan(data, model, low, high, level, from_upper_limit_fn=with_results, **kw)


def toms748_scan(
    data: Any, model: Any, bounds_low: Any, bounds_up: Any, level: float = 0.05, atol: float = 2e-12, **kw: Any
) -> Any:
    """Limits by root finding between two values, which move apart until all limits are between them.

    ``rtol`` is the relative tolerance; with ``from_upper_limit_fn=True`` the tested values come, too, and their tests.
    """
    from scipy.optimize import toms748

    rtol, with_results = kw.pop("rtol", 1e-4), kw.pop("from_upper_limit_fn", False)
    tested: dict[float, Any] = {}

    def above(poi: float) -> Any:
        if poi not in tested:
            tested[poi] = hypotest(poi, data, model, return_expected_set=True, **kw)
        return np.array([tested[poi][0], *tested[poi][1]]) - level

    while np.any(above(bounds_low) < 0.0):
        bounds_low /= 2
    while np.any(above(bounds_up) > 0.0):
        bounds_up *= 2

    def limit(which: int) -> Any:
        low = max(poi for poi in tested if above(poi)[which] >= 0.0)
        high = min(poi for poi in tested if above(poi)[which] <= 0.0 and poi >= low)
        return np.asarray(toms748(lambda poi: above(poi)[which], low, high, k=2, xtol=atol, rtol=rtol))

    observed, *expected = map(limit, range(6))
    return observed, expected, *(((list(tested), list(tested.values())),) if with_results else ())


def linear_grid_scan(data: Any, model: Any, scan: Any, level: float = 0.05, **kw: Any) -> Any:
    """Limits by straight lines between the values of a grid; options as for :func:`upper_limit`."""
    with_results = kw.pop("return_results", False)
    results = [hypotest(mu, data, model, return_expected_set=True, **kw) for mu in scan]
    curves = np.array([[observed, *expected] for observed, expected in results]).T
    observed, *expected = (np.asarray(np.interp(level, curve[::-1], np.asarray(scan)[::-1])) for curve in curves)
    return observed, expected, *(((scan, results),) if with_results else ())
