"""CLs over the parameter of interest in given axes, as pyhf draws it: its labels, colours and order of the legend."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from hftranslate.errors import needs_extra

__all__ = ["BrazilBandCollection", "plot_brazil_band", "plot_cls_components", "plot_results"]


class BrazilBandCollection(NamedTuple):
    """What was drawn."""

    cls_obs: Any
    cls_exp: Any
    one_sigma_band: Any
    two_sigma_band: Any
    test_size: Any
    clsb: Any
    clb: Any
    axes: Any


def plot_brazil_band(test_pois: Any, cls_obs: Any, cls_exp: Any, test_size: float, ax: Any, **kwargs: Any) -> Any:
    """Observed CLs, the expected one with its bands, and the line of the test size."""
    color = kwargs.get("color", "black")
    expected = r"$\mathrm{CL}_{s,\mathrm{exp}}$"
    (observed,) = ax.plot(test_pois, cls_obs, color=color, label=r"$\mathrm{CL}_{s}$")
    lines = [
        *(ax.plot(test_pois, cls_exp[i], color=color, linestyle="dotted")[0] for i in (0, 1)),
        *ax.plot(test_pois, cls_exp[2], color=color, linestyle="dashed", label=expected),
        *(ax.plot(test_pois, cls_exp[i], color=color, linestyle="dotted")[0] for i in (3, 4)),
    ]
    two, one = (
        ax.fill_between(
            test_pois, cls_exp[low], cls_exp[-1 - low], facecolor=face, label=rf"$\pm{2 - low}\sigma$ {expected}"
        )
        for low, face in ((0, "yellow"), (1, "green"))
    )
    style = {"color": kwargs.get("test_size_color", "red"), "linestyle": kwargs.get("test_size_linestyle", "solid")}
    (size,) = ax.plot(test_pois, [test_size] * len(test_pois), label=rf"$\alpha={test_size}$", **style)
    return observed, lines, one, two, size


def plot_cls_components(test_pois: Any, tail_probs: Any, ax: Any, **kwargs: Any) -> tuple[Any, Any]:
    """``CLs+b`` and ``CLb``."""
    lines = []
    for i, (name, label, color) in enumerate((("clsb", "s+b", "red"), ("clb", "b", "blue"))):
        line = None
        if not kwargs.get(f"no_{name}", False):
            style = {"color": kwargs.get(f"{name}_color", color), "linewidth": kwargs.get("linewidth", 2)}
            (line,) = ax.plot(test_pois, [p[i] for p in tail_probs], label=rf"$\mathrm{{CL}}_{{{label}}}$", **style)
        lines.append(line)
    return lines[0], lines[1]


def plot_results(
    test_pois: Any, tests: Sequence[Any], test_size: float = 0.05, ax: Any = None, **kwargs: Any
) -> BrazilBandCollection:
    """Draw what a test gave (``[CLs, [CLs+b, CLb], [CLs_exp ...]]``) for each value, and all labels."""
    if ax is None:
        with needs_extra("plot", "pictures"):
            import matplotlib.pyplot as plt
        ax = plt.gca()
    components, no_cls = kwargs.get("components", False), kwargs.get("no_cls", False)
    if components and len(tests[0]) != 3:
        raise ValueError(
            "The components of 'tests' should have len of 3 to visualize the CLs components but have len "
            f"{len(tests[0])}.\n'tests' should have format of: [CLs_obs, [CLsb, CLb], [CLs_exp band]]"
        )
    band: tuple[Any, ...] = (None,) * 5
    if not no_cls:
        expected = np.array([test[-1] for test in tests], dtype=np.float64).reshape(len(tests), 5).T
        observed = np.array([test[0] for test in tests], dtype=np.float64).ravel()
        band = plot_brazil_band(test_pois, observed, expected, test_size, ax, **kwargs)
    tails = plot_cls_components(test_pois, [t[1] for t in tests], ax, **kwargs) if components else (None, None)
    ax.set_xlabel(kwargs.get("xlabel", r"$\mu$ (POI)"))
    ax.set_ylabel(kwargs.get("ylabel", r"$\mathrm{CL}_{s}$"))
    ax.set_ylim(test_size * 0.1 if ax.get_yscale() == "log" else 0, 1)
    entries = list(zip(*ax.get_legend_handles_labels(), strict=True))
    last = ("exp", "pm1", "pm2", "alpha")  # those of the band, in this order

    def place(entry: tuple[Any, str]) -> int:
        return max((i for i, part in enumerate(last) if part in entry[1]), default=-1)

    if entries:
        ax.legend(*zip(*sorted(entries, key=place), strict=True), loc="best")
    return BrazilBandCollection._make([*band, *tails, ax])
