"""The small XML cases: what each is about stands in ``cases.toml``."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from inspect import isfunction

from elements import (
    channel,
    constraint_term,
    driver,
    histo_sys,
    inactive_stat_error,
    measurement,
    norm_factor,
    overall_sys,
    sample,
    setting,
    shape_factor,
    shape_sys,
    signal,
    stat_error,
)
from writing import Histogram

EDGES = [0.0, 1.0, 3.0, 4.0]
CR_EDGES = [0.0, 2.0, 5.0]
CONSTANT_LUMI = setting("Lumi", constant=True)
Contents = tuple[Sequence[float], Sequence[float] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class XmlCase:
    """The text of the driver and of the channels, and the histograms by ``channel/name``."""

    driver: str
    channels: Mapping[str, str]
    histograms: Mapping[str, Histogram]


def _region(name: str = "SR", **changed: Contents) -> dict[str, Histogram]:
    """One region with a signal and two backgrounds, in three bins of different width."""
    contents: dict[str, Contents] = {
        "observed": ([63.0, 80.0, 29.0], None),
        "signal": ([5.3, 10.7, 3.1], [0.52, 0.81, 0.43]),
        "background": ([50.2, 60.9, 20.4], [4.1, 2.3, 3.2]),
        "rare": ([4.1, 7.6, 3.9], [1.3, 0.9, 1.1]),
    }
    return {f"{name}/{key}": Histogram(EDGES, *value) for key, value in (contents | changed).items()}


def _control(**changed: Contents) -> dict[str, Histogram]:
    """A control region in two bins."""
    contents: dict[str, Contents] = {
        "observed": ([131.0, 85.0], None),
        "background": ([121.7, 80.3], [5.1, 4.4]),
        "rare": ([3.2, 2.8], [0.6, 0.7]),
    }
    return {f"CR/{key}": Histogram(CR_EDGES, *value) for key, value in (contents | changed).items()}


def _variations(region: str, name: str, up: Sequence[float], down: Sequence[float]) -> dict[str, Histogram]:
    edges = EDGES if len(up) == 3 else CR_EDGES
    return {f"{region}/{name}_up": Histogram(edges, up), f"{region}/{name}_down": Histogram(edges, down)}


def _one_region(
    *samples: str,
    histograms: Mapping[str, Histogram] | None = None,
    stat: tuple[float, str] | None = None,
    measurements: Sequence[str] = (),
) -> XmlCase:
    return XmlCase(
        driver=driver(["SR"], *(measurements or [measurement(CONSTANT_LUMI)])),
        channels={"SR": channel("SR", *samples, stat=stat)},
        histograms=histograms or _region(),
    )


def _two_regions(
    signal_region: Sequence[str],
    control_region: Sequence[str],
    *,
    histograms: Mapping[str, Histogram],
    measurements: Sequence[str] = (),
    order: Sequence[str] = ("SR", "CR"),
) -> XmlCase:
    return XmlCase(
        driver=driver(order, *(measurements or [measurement(CONSTANT_LUMI)])),
        channels={"SR": channel("SR", *signal_region), "CR": channel("CR", *control_region)},
        histograms=histograms,
    )


# ------------------------------------------------------------------------------------------------ every modifier alone
def normfactor() -> XmlCase:
    k = norm_factor("k", 1.1, 0.0, 5.0)
    return _two_regions(
        [signal(), sample("background", k), sample("rare")],
        [sample("background", k), sample("rare")],
        histograms=_region() | _control(),
    )


def normsys() -> XmlCase:
    return _one_region(
        signal(overall_sys("acceptance", 0.9, 1.15)),
        sample("background", overall_sys("acceptance", 0.95, 1.04), overall_sys("xsec", 0.7, 1.5)),
        sample("rare", overall_sys("xsec", 1.2, 0.9), overall_sys("xsec_rare", 1.05, 1.3)),
    )


_SHAPES = (
    _variations("SR", "signal_JES", [6.1, 11.4, 3.3], [4.6, 10.2, 2.9])
    | _variations("SR", "background_JES", [55.3, 66.1, 23.4], [47.2, 57.3, 17.1])
    | _variations("SR", "rare_scale", [5.2, 8.8, 4.4], [4.4, 7.9, 4.1])
)


def histosys() -> XmlCase:
    return _one_region(
        signal(histo_sys("JES", "signal_JES")),
        sample("background", histo_sys("JES", "background_JES")),
        sample("rare", histo_sys("scale", "rare_scale")),
        histograms=_region() | _SHAPES,
    )


def shapesys_poisson() -> XmlCase:
    relative = {
        "SR/background_shape": Histogram(EDGES, [0.08, 0.15, 0.0]),
        "SR/rare_shape": Histogram(EDGES, [0.33, 0.41, 0.27]),
    }
    return _one_region(
        signal(),
        sample("background", shape_sys("background_shape", "background_shape", "Poisson")),
        sample("rare", shape_sys("rare_shape", "rare_shape", "Poisson")),
        histograms=_region() | relative,
    )


def _shape_factors(*shape: str) -> XmlCase:
    second = _region("VR", observed=([104.0, 133.0, 45.0], None), background=([100.3, 122.4, 41.6], None))
    return XmlCase(
        driver=driver(["SR", "VR"], measurement(CONSTANT_LUMI)),
        channels={
            "SR": channel("SR", signal(), sample("background", *shape), sample("rare")),
            "VR": channel("VR", sample("background", *shape)),
        },
        histograms=_region() | second,
    )


# -------------------------------------------------------------------------------------------------- statistical errors
def _staterror(stat: tuple[float, str] | None, histograms: Mapping[str, Histogram] | None = None) -> XmlCase:
    samples = (signal(), sample("background", stat_error()), sample("rare", stat_error()))
    return _one_region(*samples, stat=stat, histograms=histograms)


_LARGE: Contents = ([50.2, 60.9, 20.4], [25.0, 6.0, 12.0])


def staterror_external() -> XmlCase:
    relative = {"SR/relative": Histogram(EDGES, [0.21, 0.06, 0.33])}
    region = _region(rare=([10.2, 0.0, 8.1], [2.5, 0.0, 2.0]))
    return _one_region(
        signal(stat_error()),
        sample("background", stat_error("relative")),
        sample("rare", stat_error()),
        stat=(0.0, "Poisson"),
        histograms=region | relative,
    )


# --------------------------------------------------------------------------------------------------- constraint terms
def _constraint(kind: str, relative: float | None) -> XmlCase:
    term = constraint_term("xsec", kind, relative)
    return _one_region(
        signal(overall_sys("acceptance", 0.93, 1.06)),
        sample("background", overall_sys("xsec", 0.88, 1.15)),
        sample("rare"),
        measurements=[measurement(CONSTANT_LUMI, term)],
    )


def constraint_uniform_histosys() -> XmlCase:
    return _one_region(
        signal(overall_sys("JES", 0.93, 1.06)),
        sample("background", histo_sys("JES", "background_JES")),
        sample("rare", histo_sys("scale", "rare_scale")),
        histograms=_region() | _SHAPES,
        measurements=[measurement(CONSTANT_LUMI, constraint_term("JES", "Uniform", 0.2))],
    )


# ---------------------------------------------------------------------------------------------------------- luminosity
_TWICE = _region(observed=([126.0, 160.0, 58.0], None))


def _lumi(lumi: float, error: float, histograms: Mapping[str, Histogram], *settings: str) -> XmlCase:
    return _one_region(
        signal(),
        sample("background", overall_sys("xsec", 0.92, 1.1)),
        sample("rare"),
        histograms=histograms,
        measurements=[measurement(*settings, lumi=lumi, error=error)],
    )


def normalize_by_theory() -> XmlCase:
    return _one_region(
        signal(theory=True),
        sample("background", overall_sys("xsec", 0.92, 1.1), theory=False),
        sample("rare"),
        histograms=_TWICE,
        measurements=[measurement(lumi=2.0, error=0.05)],
    )


# ------------------------------------------------------------------------------------------- zero and negative contents
def zero_bins() -> XmlCase:
    region = _region(
        observed=([63.0, 0.0, 29.0], None),
        signal=([5.3, 1.7, 0.0], [0.5, 0.3, 0.0]),
        background=([50.2, 0.0, 20.4], [4.1, 0.0, 3.2]),
        rare=([0.0, 0.4, 3.9], [0.0, 0.3, 1.1]),
    )
    return _one_region(
        signal(overall_sys("acceptance", 0.93, 1.06)),
        sample("background", stat_error()),
        sample("rare", stat_error(), overall_sys("xsec_rare", 0.8, 1.3)),
        stat=(0.0, "Gaussian"),
        histograms=region,
    )


def negative_bins() -> XmlCase:
    region = _region(rare=([4.1, -1.6, 3.9], [1.3, 0.9, 1.1]))
    return _one_region(
        signal(),
        sample("background", overall_sys("xsec", 0.92, 1.1)),
        sample("rare", overall_sys("xsec_rare", 0.7, 1.4)),
        histograms=region,
    )


def negative_bins_clipped() -> XmlCase:
    region = _region(rare=([4.1, -1.6, 3.9], [1.3, 0.9, 1.1]))
    shapes = _variations("SR", "rare_scale", [7.4, 2.2, 4.4], [0.3, -2.9, 3.1])
    return _one_region(
        signal(),
        sample("background", overall_sys("xsec", 0.92, 1.1)),
        sample("rare", histo_sys("scale", "rare_scale")),
        histograms=region | shapes,
    )


def nothing_observed() -> XmlCase:
    region = _region(
        observed=([0.0, 0.0, 0.0], None),
        signal=([1.3, 1.9, 0.6], None),
        background=([0.5, 0.3, 0.1], None),
        rare=([0.05, 0.1, 0.02], None),
    )
    return _one_region(
        signal(overall_sys("acceptance", 0.93, 1.06)),
        sample("background", overall_sys("xsec", 0.7, 1.4)),
        sample("rare"),
        histograms=region,
    )


def asimov_data() -> XmlCase:
    region = _region(observed=([59.6, 79.2, 27.4], None))  # the sum of all samples
    return _one_region(
        signal(overall_sys("acceptance", 0.93, 1.06)),
        sample("background", histo_sys("JES", "background_JES")),
        sample("rare"),
        histograms=region | _SHAPES,
    )


def excess() -> XmlCase:
    region = _region(observed=([78.0, 109.0, 41.0], None))
    return _one_region(
        signal(overall_sys("acceptance", 0.93, 1.06)),
        sample("background", overall_sys("xsec", 0.95, 1.05), stat_error()),
        sample("rare", overall_sys("xsec_rare", 0.8, 1.3), stat_error()),
        stat=(0.05, "Poisson"),
        histograms=region,
    )


# ----------------------------------------------------------------------------------- several channels, shared and not
def three_channels() -> XmlCase:
    k, jes = norm_factor("k", 1.0, 0.0, 5.0), overall_sys("JES", 0.96, 1.05)
    validation = _region("VR", observed=([104.0, 133.0, 45.0], None), background=([100.3, 122.4, 41.6], None))
    shapes = _SHAPES | _variations("CR", "background_JES", [126.4, 85.2], [118.3, 77.9])
    return XmlCase(
        driver=driver(["VR", "SR", "CR"], measurement(error=0.03)),
        channels={
            "SR": channel(
                "SR",
                signal(histo_sys("JES", "signal_JES"), stat_error()),
                sample("background", k, histo_sys("JES", "background_JES"), stat_error()),
                sample("rare", overall_sys("xsec_rare", 0.8, 1.3)),
                stat=(0.05, "Poisson"),
            ),
            "CR": channel(
                "CR",
                sample("background", k, histo_sys("JES", "background_JES"), stat_error()),
                sample("rare", overall_sys("xsec_rare", 0.8, 1.3)),
                stat=(0.01, "Gaussian"),
            ),
            "VR": channel("VR", sample("background", k, jes), sample("rare", jes)),
        },
        histograms=_region() | _control() | validation | shapes,
    )


def shapesys_shared() -> XmlCase:
    relative = {
        "SR/first": Histogram(EDGES, [0.09, 0.16, 0.05]),
        "SR/second": Histogram(EDGES, [0.2, 0.1, 0.3]),
    }
    return _one_region(
        signal(),
        sample("background", shape_sys("shape", "first", "Gaussian")),
        sample("rare", shape_sys("shape", "second", "Gaussian")),
        histograms=_region() | relative,
    )


def overall_and_histo() -> XmlCase:
    return _one_region(
        signal(overall_sys("JES", 0.94, 1.05), histo_sys("JES", "signal_JES")),
        sample("background", overall_sys("JES", 0.97, 1.02), histo_sys("JES", "background_JES")),
        sample("rare"),
        histograms=_region() | _SHAPES,
    )


def normfactor_conflict() -> XmlCase:
    return _two_regions(
        [signal(), sample("background", norm_factor("k", 1.1, 0.0, 5.0)), sample("rare")],
        [sample("background", norm_factor("k", 0.8, -1.0, 3.0)), sample("rare")],
        histograms=_region() | _control(),
    )


def normfactor_twice() -> XmlCase:
    k = norm_factor("k", 1.1, 0.0, 5.0)
    return _two_regions(
        [signal(), sample("background", k, k), sample("rare")],
        [sample("background", k), sample("rare")],
        histograms=_region() | _control(),
    )


# ----------------------------------------------------------------------- measurements, parameters of interest, settings
def measurements() -> XmlCase:
    k = norm_factor("k", 1.1, 0.0, 5.0)
    return _two_regions(
        [
            signal(overall_sys("acceptance", 0.93, 1.06)),
            sample("background", k, overall_sys("xsec", 0.9, 1.1)),
            sample("rare"),
        ],
        [sample("background", k), sample("rare")],
        histograms=_region() | _control(),
        measurements=[
            measurement(name="nominal", error=0.03),
            measurement(setting("Lumi alpha_xsec", constant=True), name="background", poi="k"),
            measurement(setting("alpha_acceptance", value=0.5, constant=True), name="both", poi="mu k", error=0.1),
        ],
    )


def negative_poi() -> XmlCase:
    region = _region(observed=([47.0, 55.0, 19.0], None))
    return _one_region(
        signal(overall_sys("acceptance", 0.93, 1.06), low=-3.0, high=5.0),
        sample("background", overall_sys("xsec", 0.95, 1.05)),
        sample("rare"),
        histograms=region,
    )


def deficit() -> XmlCase:
    region = _region(observed=([47.0, 55.0, 19.0], None))
    return _one_region(
        signal(overall_sys("acceptance", 0.93, 1.06)),
        sample("background", overall_sys("xsec", 0.95, 1.05)),
        sample("rare"),
        histograms=region,
    )


def paramsetting() -> XmlCase:
    return _one_region(
        signal(overall_sys("acceptance", 0.93, 1.06)),
        sample("background", norm_factor("k", 1.0, 0.0, 5.0), stat_error(), overall_sys("xsec", 0.9, 1.12)),
        sample("rare", overall_sys("xsec_rare", 0.8, 1.3)),
        stat=(0.0, "Poisson"),
        measurements=[
            measurement(
                setting("Lumi alpha_xsec_rare gamma_stat_SR_bin_1", constant=True),
                setting("alpha_acceptance", value=0.5),
                setting("k", value=1.2, constant=True),
            )
        ],
    )


def only_the_poi() -> XmlCase:
    return _one_region(
        signal(overall_sys("acceptance", 0.93, 1.06)),
        sample("background", overall_sys("xsec", 0.9, 1.12)),
        sample("rare"),
        measurements=[measurement(setting("Lumi alpha_acceptance alpha_xsec", constant=True))],
    )


# ----------------------------------------------------------------------------- one parameter under the names of several
def _relative(channel: str = "SR", **values: Sequence[float]) -> dict[str, Histogram]:
    edges = EDGES if channel == "SR" else CR_EDGES
    return {f"{channel}/{name}": Histogram(edges, numbers) for name, numbers in values.items()}


_WITH_ZEROS = _relative(whole=[0.09, 0.16, 0.05], zero=[0.0, 0.12, 0.3])


def _shared_shape(first: str, second: str, constraint: str) -> XmlCase:
    return _one_region(
        signal(),
        sample("background", shape_sys("shape", first, constraint)),
        sample("rare", shape_sys("shape", second, constraint)),
        histograms=_region() | _WITH_ZEROS,
    )


def shapesys_twice() -> XmlCase:
    shapes = (shape_sys("shape", "zero", "Gaussian"), shape_sys("shape", "whole", "Gaussian"))
    return _one_region(
        signal(),
        sample("background", *shapes),
        sample("rare"),
        histograms=_region() | _WITH_ZEROS,
    )


def shapesys_of_two_channels() -> XmlCase:
    second = _region("AR", observed=([104.0, 133.0, 45.0], None), background=([100.3, 122.4, 41.6], None))
    other = {"AR/other": Histogram(EDGES, [0.093, 0.0, 0.051])}
    return XmlCase(
        driver=driver(["SR", "AR"], measurement(CONSTANT_LUMI)),  # the centres come from SR, all else from AR
        channels={
            "SR": channel("SR", signal(), sample("background", shape_sys("shape", "whole", "Poisson")), sample("rare")),
            "AR": channel("AR", sample("background", shape_sys("shape", "other", "Poisson")), sample("rare")),
        },
        histograms=_region() | second | _WITH_ZEROS | other,
    )


def shapesys_and_shapefactor() -> XmlCase:
    return _one_region(
        signal(),
        sample("background", shape_sys("shape", "whole", "Poisson")),
        sample("rare", shape_factor("shape")),
        histograms=_region() | _WITH_ZEROS,
    )


def shapesys_and_staterror() -> XmlCase:
    return _one_region(
        signal(),
        sample("background", stat_error()),
        sample("rare", shape_sys("stat_SR", "whole", "Gaussian")),
        stat=(0.0, "Gaussian"),
        histograms=_region() | _WITH_ZEROS,
    )


def normfactor_named_alpha() -> XmlCase:
    return _one_region(
        signal(norm_factor("alpha_xsec", 0.8, 0.0, 3.0)),
        sample("background", overall_sys("xsec", 0.9, 1.12)),
        sample("rare"),
    )


def normfactor_named_gamma() -> XmlCase:
    return _one_region(
        signal(norm_factor("gamma_stat_SR_bin_0", 1.1, 0.0, 3.0)),
        sample("background", stat_error()),
        sample("rare", norm_factor("gamma_shape_bin_2", 0.9, 0.0, 2.0), shape_sys("shape", "zero", "Poisson")),
        stat=(0.0, "Poisson"),
        histograms=_region() | _WITH_ZEROS,
    )


def normfactor_named_lumi() -> XmlCase:
    return _one_region(
        signal(norm_factor("Lumi", 1.0, 0.0, 3.0)),
        sample("background", overall_sys("lumi", 0.95, 1.06)),
        sample("rare", norm_factor("lumi", 1.1, 0.0, 4.0)),
        histograms=_TWICE,
        measurements=[measurement(lumi=2.0, error=0.05)],
    )


# ------------------------------------------------------------------------------------------- what ROOT does not refuse
def staterror_twice() -> XmlCase:
    return _one_region(
        signal(stat_error("whole"), inactive_stat_error()),
        sample("background", stat_error(), stat_error("whole")),
        sample("rare", inactive_stat_error(), stat_error()),
        histograms=_region() | _WITH_ZEROS,
    )


def poi_unknown() -> XmlCase:
    return _one_region(
        signal(overall_sys("acceptance", 0.93, 1.06)),
        sample("background", overall_sys("xsec", 0.9, 1.12)),
        sample("rare"),
        measurements=[measurement(CONSTANT_LUMI, poi="mu_tt mu")],
    )


# ------------------------------------------------------------------------------------------------ classes of histograms
def _of_kinds(region: Mapping[str, Histogram], **kinds: str) -> dict[str, Histogram]:
    return {key: replace(h, kind=kinds.get(key.partition("/")[2], "TH1D")) for key, h in region.items()}


def _integers(**kinds: str) -> XmlCase:
    region = _region(background=([50.0, 60.0, 20.0], [7.3, 75.5, 3.2]), rare=([4.0, 7.0, 3.0], [1.3, 2.9, 3.6]))
    return _staterror((0.0, "Poisson"), _of_kinds(region, **kinds))


def staterror_single_precision() -> XmlCase:
    every = _region(background=([50.2, 60.9, 20.4], [5.02, 2.3, 3.2]))
    kinds = dict.fromkeys(("signal", "background", "rare", "observed"), "TH1F")
    return _one_region(
        signal(),
        sample("background", stat_error()),
        sample("rare"),
        stat=(0.1, "Gaussian"),  # single precision lifts the first bin above it
        histograms=_of_kinds(every, **kinds),
    )


# ------------------------------------------------------------------------------------------------- interpolation codes
def interpolation_histosys() -> XmlCase:
    return _one_region(
        signal(histo_sys("JES", "signal_JES"), overall_sys("acceptance", 0.93, 1.06)),
        sample("background", histo_sys("JES", "background_JES"), histo_sys("scale", "background_scale")),
        sample("rare", histo_sys("scale", "rare_scale")),
        histograms=_region() | _SHAPES | _variations("SR", "background_scale", [52.3, 58.2, 21.9], [46.9, 62.7, 19.6]),
    )


# ----------------------------------------------------------------------------- cases that differ from others by values
_VARIANTS: dict[str, Callable[[], XmlCase]] = {
    "shapefactor": partial(_shape_factors, shape_factor("background_shape")),
    "staterror_default": partial(_staterror, None),
    "staterror_threshold": partial(_staterror, (0.1, "Gaussian")),
    "staterror_threshold_poisson": partial(_staterror, (0.1, "Poisson")),
    "staterror_large_gaussian": partial(_staterror, (0.0, "Gaussian"), _region(background=_LARGE)),
    "staterror_large_poisson": partial(_staterror, (0.0, "Poisson"), _region(background=_LARGE)),
    "constraint_uniform": partial(_constraint, "Uniform", 0.2),
    "constraint_none": partial(_constraint, "NoConstraint", None),
    "constraint_gamma": partial(_constraint, "Gamma", 0.4),
    "constraint_lognormal": partial(_constraint, "LogNormal", 0.2),
    "lumi_all": partial(_lumi, 2.0, 0.05, _TWICE),
    "lumi_large": partial(_lumi, 1.0, 0.5, _region()),
    "lumi_zero_error": partial(_lumi, 2.0, 0.0, _TWICE),
    "lumi_constant": partial(_lumi, 2.0, 0.05, _TWICE, CONSTANT_LUMI),
    "lumi_value": partial(_lumi, 1.0, 0.1, _region(), setting("Lumi", value=1.07)),
    "shapesys_zero_first": partial(_shared_shape, "zero", "whole", "Gaussian"),
    "shapesys_zero_last": partial(_shared_shape, "whole", "zero", "Poisson"),
    "shapefactor_twice": partial(_shape_factors, shape_factor("background_shape"), shape_factor("background_shape")),
    "nominal_lumi": partial(_lumi, 2.0, 0.2, _TWICE, setting("nominalLumi", value=2.3), setting("Lumi", value=1.9)),
    "constraint_gamma_negative": partial(_constraint, "Gamma", -0.3),
    "staterror_integers": partial(_integers, background="TH1I"),
    "staterror_some_integers": partial(_integers, background="TH1D", rare="TH1S"),
}

#: Every case by its name: what the public function of that name makes, or one with other values.
LIBRARY: dict[str, Callable[[], XmlCase]] = _VARIANTS | {
    name: made
    for name, made in list(globals().items())
    if isfunction(made) and made.__module__ == __name__ and not name.startswith("_")
}
