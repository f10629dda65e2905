"""Stacks with data and ratio."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import poisson

from hftranslate import plots
from hftranslate.errors import FormatError, InputError, MissingInput
from hftranslate.plots.stacks import _palette, _poisson_errors


def channel(name: str, observed: list[float], edges: Any = None, **samples: list[float]) -> dict[str, Any]:
    total = np.sum(list(samples.values()), axis=0)
    return {
        "name": name,
        "edges": edges,
        "observed": observed,
        "samples": [
            {"name": n, "yields": y, "uncertainties": [0.0] * len(y), "scaled_by_poi": n == "signal"}
            for n, y in samples.items()
        ],
        "total": {"yields": total.tolist(), "uncertainties": (0.1 * total).tolist()},
    }


def document(*channels: dict[str, Any], stage: str = "prefit") -> dict[str, Any]:
    return {"stage": stage, "channels": list(channels)}


SR = channel("SR", [12.0, 3.0], signal=[1.0, 2.0], big=[8.0, 4.0], small=[1.0, 0.5])


def tops(axes: Any) -> list[list[float]]:
    """Upper edges of the filled parts of a stack, from below."""
    return [p.get_data()[0].tolist() for p in axes.patches if p.get_fill() and p.get_hatch() is None]


def test_a_stack_with_its_ratio() -> None:
    figure = plots.yields(document(SR))
    main, ratio = figure.axes
    assert tops(main) == [[1.0, 0.5], [9.0, 4.5], [10.0, 6.5]]  # small below, the signal on top
    names = [t.get_text() for t in figure.legends[0].get_texts()]
    assert names == ["data", "uncertainty", "signal", "big", "small"]
    hatched = next(p for p in main.patches if p.get_hatch())
    np.testing.assert_allclose(hatched.get_data()[0], [11.0, 7.15])  # type: ignore[arg-type]
    np.testing.assert_allclose(hatched.get_data().baseline, [9.0, 5.85])  # type: ignore[arg-type]
    points = main.containers[0].lines[0]
    assert np.asarray(points.get_ydata()).tolist() == [12.0, 3.0]
    assert np.asarray(points.get_xdata()).tolist() == [0.0, 1.0]
    np.testing.assert_allclose(ratio.containers[0].lines[0].get_ydata(), [1.2, 3.0 / 6.5])  # type: ignore[arg-type]
    assert main.texts[0].get_text() == "SR  pre-fit"
    assert (main.get_ylabel(), ratio.get_ylabel(), ratio.get_xlabel()) == ("events per bin", "data / model", "bin")
    assert main.get_yscale() == "linear"


def test_edges() -> None:
    figure = plots.yields(document(channel("SR", [12.0, 3.0], [[0.0, 10.0, 50.0]], b=[9.0, 4.0])))
    main, ratio = figure.axes
    assert main.patches[0].get_data()[1].tolist() == [0.0, 10.0, 50.0]
    assert np.asarray(main.containers[0].lines[0].get_xdata()).tolist() == [5.0, 30.0]
    assert ratio.get_xlabel() == "observable"
    two_axes = channel("SR", [12.0, 3.0], [[0.0, 1.0], [0.0, 1.0, 2.0]], b=[9.0, 4.0])
    assert plots.yields(document(two_axes)).axes[1].get_xlabel() == "bin"


def test_error_bars_of_counts() -> None:
    """Garwood's intervals: the ends are where the observed number is just as improbable as one standard deviation."""
    low, high = _poisson_errors(np.array([0.0, 3.0, 100.0]))
    tail = 0.15865525393145707
    assert low[0] == 0.0
    for n, up in zip((0, 3, 100), high, strict=True):
        assert poisson.cdf(n, n + up) == pytest.approx(tail)
    for n, down in ((3, low[1]), (100, low[2])):
        assert poisson.sf(n - 1, n - down) == pytest.approx(tail)


def test_before_and_after_share_their_axes() -> None:
    after = document(channel("SR", [12.0, 3.0], signal=[0.0, 0.0], big=[11.0, 3.0], small=[1.0, 0.5]), stage="postfit")
    figure = plots.yields([document(SR), after], options=plots.PlotOptions(title="overlaid"))
    left, left_ratio, right, right_ratio = figure.axes
    assert [a.texts[0].get_text() for a in (left, right)] == ["SR  pre-fit", "SR  post-fit"]
    assert left.get_ylim() == right.get_ylim()
    assert left_ratio.get_ylim() == right_ratio.get_ylim()
    assert figure.get_suptitle() == "overlaid"


def test_channels_of_one_bin_share_a_panel() -> None:
    others = [channel(f"CR{i}", [float(i)], big=[i + 1.0]) for i in range(1, 4)]
    figure = plots.yields(document(*others))
    main, ratio = figure.axes
    assert [t.get_text() for t in ratio.get_xticklabels()] == ["CR1", "CR2", "CR3"]
    assert tops(main) == [[2.0, 3.0, 4.0]]
    assert main.texts[0].get_text() == "pre-fit"
    assert main.get_ylabel() == "events"
    mixed = plots.yields(document(SR, *others), channels=["SR", "CR1"])
    assert [a.texts[0].get_text() for a in mixed.axes[::2]] == ["SR  pre-fit", "CR1  pre-fit"]


def test_pages() -> None:
    several = [channel(f"SR{i}", [1.0, 2.0], b=[1.0, 2.0]) for i in range(8)]
    single = [channel(f"CR{i}", [1.0], b=[1.0]) for i in range(30)]
    found = plots.pages(document(*several, *single))
    assert [len(names) for names in found] == [6, 2, 24, 6]
    assert plots.pages(document(SR, single[0])) == [("SR", "CR0")]
    assert plots.pages(document(*several), ["SR3"]) == [("SR3",)]


def test_logarithmic_axes() -> None:
    wide = channel("SR", [1200.0, 0.0], b=[1300.0, 0.4])
    main = plots.yields(document(wide)).axes[0]
    assert main.get_yscale() == "log"
    assert np.asarray(main.containers[0].lines[0].get_ydata()).tolist() == [1200.0]  # zero has no place there
    assert plots.yields(document(wide), log=False).axes[0].get_yscale() == "linear"
    assert plots.yields(document(SR), log=True).axes[0].get_yscale() == "log"


def test_points_beyond_the_ratio() -> None:
    far = channel("SR", [50.0, 0.0, 7.0, 2.0], b=[5.0, 2.0, 0.0, 2.0])
    ratio = plots.yields(document(far)).axes[1]
    assert ratio.get_ylim() == pytest.approx((0.01, 1.99))
    arrows = {
        line.get_marker(): np.asarray(line.get_xdata()).tolist() for line in ratio.lines if line.get_marker() in "^v"
    }
    assert arrows == {"^": [0.0], "v": [1.0]}
    assert np.asarray(ratio.containers[0].lines[0].get_xdata()).tolist() == [3.0]


def test_many_samples_are_gathered() -> None:
    samples = {f"s{i:02}": [float(i + 1)] * 2 for i in range(12)}
    figure = plots.yields(document(channel("SR", [80.0, 70.0], **samples)))
    names = [t.get_text() for t in figure.legends[0].get_texts()][2:]
    assert names == [f"s{i:02}" for i in range(11, 2, -1)] + ["other samples"]
    assert tops(figure.axes[0])[0] == [6.0, 6.0]  # 1 + 2 + 3
    colours = _palette([document(channel("SR", [80.0, 70.0], **samples))])
    assert len(set(colours.values())) == 10


def test_unknown_uncertainties() -> None:
    unknown = channel("SR", [12.0, 3.0], b=[9.0, 4.0])
    unknown["total"]["uncertainties"] = [None, None]
    hatched = next(p for p in plots.yields(document(unknown)).axes[0].patches if p.get_hatch())
    assert hatched.get_data()[0].tolist() == [9.0, 4.0]


def test_other_documents() -> None:
    for wrong in ({}, {"channels": [{}], "stage": "prefit"}, {"channels": 3, "stage": "prefit"}):
        with pytest.raises(FormatError, match="no yields as 'hftranslate yields' writes them"):
            plots.yields(wrong)
        with pytest.raises(FormatError, match="no yields as 'hftranslate yields' writes them"):
            plots.pages(wrong)
    with pytest.raises(InputError, match="no channels to draw"):
        plots.yields(document())
    with pytest.raises(MissingInput, match="no channel 'SRR' in the yields; did you mean 'SR'"):
        plots.yields(document(SR), channels=["SRR"])


@pytest.mark.parametrize(
    "damage", [{"observed": [12.0, -3.0]}, {"total": {"yields": [1.0], "uncertainties": [1.0] * 2}}]
)
def test_damaged_channels(damage: dict[str, Any]) -> None:
    with pytest.raises(FormatError, match="no yields as 'hftranslate yields' writes them"):
        plots.yields(document(SR | damage))


def test_chi_square_stands_on_stacks_and_not_where_data_are_hidden() -> None:
    found = document({**SR, "agreement": {"chi2": 3.14, "ndf": 2, "p_value": 0.208}}, channel("CR", [9.0], big=[8.0]))
    said = r"$\chi^2$ / ndf = 3.1 / 2,  $p$ = 0.21"

    def told(**how: Any) -> list[str]:
        return [axes.texts[0].get_text() for axes in plots.yields(found, **how).axes[::2]]

    assert told() == [f"SR  pre-fit\n{said}", "CR  pre-fit"]
    for options in ({"blind": ("SR",)}, {"blind_above": 0.2}, {"agreement": False}):
        assert told(stack=plots.StackOptions(**options)) == ["SR  pre-fit", "CR  pre-fit"]
    assert told(stack=plots.StackOptions(blind_above=0.5))[0].endswith(said)  # hides nothing


def test_bins_with_much_signal_are_blinded() -> None:
    def points(fraction: float) -> list[float]:
        (main, _) = plots.yields(document(SR), stack=plots.StackOptions(blind_above=fraction)).axes
        line: Any = main.containers[0].lines[0]
        return np.asarray(line.get_ydata(), dtype=float).tolist()

    assert points(0.5) == [12.0, 3.0]  # 1 of 9, and 2 of 4.5
    assert points(0.2) == [12.0]
    assert points(0.0) == []


def test_bins_have_whole_numbers() -> None:
    for n in (2, 13, 40):
        many = channel("SR", [5.0] * n, b=[4.0] * n)
        axis = plots.yields(document(many)).axes[1].xaxis
        assert all(float(x).is_integer() for x in axis.get_majorticklocs())
        assert not any(t.tick1line.get_visible() for t in axis.get_minor_ticks())
