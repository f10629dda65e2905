"""The small JSON cases: what XML has no word for, or says in other words."""

from typing import Any

Json = dict[str, Any]


def _modifier(kind: str, name: str, data: Any = None) -> Json:
    return {"name": name, "type": kind, "data": data}


def _mu() -> Json:
    return _modifier("normfactor", "mu")


def _normsys(name: str, low: float, high: float) -> Json:
    return _modifier("normsys", name, {"lo": low, "hi": high})


def _sample(name: str, data: list[float], *modifiers: Json) -> Json:
    return {"name": name, "data": data, "modifiers": list(modifiers)}


def _workspace(
    channels: dict[str, tuple[list[float], list[Json]]], parameters: tuple[Json, ...] = (), poi: str = "mu"
) -> Json:
    return {
        "version": "1.0.0",
        "channels": [{"name": name, "samples": samples} for name, (_, samples) in channels.items()],
        "observations": [{"name": name, "data": observed} for name, (observed, _) in channels.items()],
        "measurements": [{"name": "measurement", "config": {"poi": poi, "parameters": list(parameters)}}],
    }


_LUMI = {"name": "lumi", "auxdata": [1.0], "sigmas": [0.03], "bounds": [[0.7, 1.3]], "inits": [1.0]}
_OBSERVED, _CONTROL = [63.0, 80.0, 29.0], [131.0, 85.0]
_SIGNAL, _BACKGROUND, _RARE = [5.3, 10.7, 3.1], [50.2, 60.9, 20.4], [4.1, 7.6, 3.9]


def json_all_modifiers() -> Json:
    """Lumi on all samples."""
    lumi = _modifier("lumi", "lumi")
    jes = {"lo_data": [47.2, 57.3, 17.1], "hi_data": [55.3, 66.1, 23.4]}
    return _workspace(
        {
            "SR": (
                _OBSERVED,
                [
                    _sample("signal", _SIGNAL, _mu(), lumi, _modifier("staterror", "mc_SR", [0.5, 0.8, 0.4])),
                    _sample(
                        "background",
                        _BACKGROUND,
                        lumi,
                        _modifier("histosys", "JES", jes),
                        _modifier("staterror", "mc_SR", [4.1, 2.3, 3.2]),
                    ),
                    _sample(
                        "rare", _RARE, lumi, _normsys("JES", 0.93, 1.08), _modifier("shapesys", "rare", [1.2, 1.9, 0.8])
                    ),
                ],
            ),
            "CR": (
                [104.0, 131.0, 45.0],
                [
                    _sample("background", [100.3, 122.4, 41.6], lumi, _modifier("shapefactor", "shape")),
                ],
            ),
            "VR": (
                [77.0, 91.0, 33.0],
                [_sample("background", [75.3, 92.1, 31.2], lumi, _modifier("shapefactor", "shape"))],
            ),
        },
        (_LUMI,),
    )


def json_partial_lumi() -> Json:
    """Lumi of two and on some samples only."""
    lumi = _modifier("lumi", "lumi")
    config = {"name": "lumi", "auxdata": [2.0], "sigmas": [0.1], "bounds": [[1.0, 3.0]], "inits": [2.0]}
    return _workspace(
        {
            "SR": (
                [66.0, 88.0, 33.0],
                [
                    _sample("signal", _SIGNAL, _mu(), lumi),
                    _sample("background", _BACKGROUND, _normsys("xsec", 0.92, 1.1)),
                    _sample("rare", _RARE, lumi),
                ],
            )
        },
        (config,),
    )


def json_staterrors() -> Json:
    """Two staterrors in one channel, and one over two channels."""
    return _workspace(
        {
            "SR": (
                _OBSERVED,
                [
                    _sample("signal", _SIGNAL, _mu(), _modifier("staterror", "mc_signal", [0.5, 0.8, 0.4])),
                    _sample("background", _BACKGROUND, _modifier("staterror", "mc", [4.1, 2.3, 3.2])),
                    _sample("rare", _RARE, _modifier("staterror", "mc", [1.3, 0.9, 1.1])),
                ],
            ),
            "CR": (_CONTROL, [_sample("background", [121.7, 80.3], _modifier("staterror", "mc", [5.1, 4.4]))]),
        }
    )


def json_settings() -> Json:
    """Initial values, ranges and constants of all kinds of parameters."""
    return _workspace(
        {
            "SR": (
                _OBSERVED,
                [
                    _sample("signal", _SIGNAL, _mu(), _normsys("acceptance", 0.93, 1.06)),
                    _sample(
                        "background",
                        _BACKGROUND,
                        _modifier("normfactor", "k"),
                        _normsys("xsec", 0.9, 1.12),
                        _modifier("staterror", "mc_SR", [4.1, 2.3, 3.2]),
                    ),
                    _sample("rare", _RARE, _modifier("shapesys", "rare", [1.2, 1.9, 0.8])),
                ],
            )
        },
        (
            {"name": "mu", "inits": [0.5], "bounds": [[0.0, 6.0]]},
            {"name": "k", "inits": [1.05], "fixed": True},
            {"name": "acceptance", "inits": [0.3], "bounds": [[-2.0, 2.0]]},
            {"name": "xsec", "inits": [-0.2], "fixed": True},
            {"name": "rare", "bounds": [[0.2, 3.0], [0.2, 3.0], [0.2, 3.0]], "inits": [1.0, 1.1, 0.9]},
        ),
    )


def json_empty_bins() -> Json:
    """Shapesys and staterror in bins without events or without uncertainty."""
    return _workspace(
        {
            "SR": (
                _OBSERVED,
                [
                    _sample("signal", _SIGNAL, _mu()),
                    _sample("background", [50.2, 60.9, 0.0], _modifier("staterror", "mc_SR", [4.1, 0.0, 0.0])),
                    _sample("rare", [4.1, 0.0, 20.9], _modifier("shapesys", "rare", [1.2, 0.7, 0.0])),
                ],
            )
        }
    )


def json_no_poi() -> Json:
    """No parameter of interest: only a fit."""
    return _workspace(
        {
            "SR": (
                _OBSERVED,
                [
                    _sample("background", _BACKGROUND, _modifier("normfactor", "k"), _normsys("xsec", 0.9, 1.12)),
                    _sample("rare", _RARE, _normsys("xsec", 1.1, 0.8)),
                ],
            )
        },
        poi="",
    )


def json_systematic_lumi() -> Json:
    """A systematic called lumi, and no sample that follows the luminosity."""
    background = _sample("background", _BACKGROUND, _normsys("lumi", 0.9, 1.15))
    return _workspace({"SR": (_OBSERVED, [_sample("signal", _SIGNAL, _mu()), background, _sample("rare", _RARE)])})


JSON_LIBRARY = {
    function.__name__: function
    for function in (
        json_all_modifiers,
        json_partial_lumi,
        json_staterrors,
        json_settings,
        json_empty_bins,
        json_no_poi,
        json_systematic_lumi,
    )
}
