"""The two textbook models: one channel, a signal and an uncertain background."""

from typing import Any
from warnings import warn

from hftranslate.pyhf.pdf import Model

__all__ = ["correlated_background", "uncorrelated_background"]


def correlated_background(
    signal: Any, bkg: Any, bkg_up: Any, bkg_down: Any, batch_size: int | None = None, validate: bool = True
) -> Model:
    """A background whose bins move together (histosys)."""
    data = {"hi_data": bkg_up, "lo_data": bkg_down}
    modifier = {"name": "correlated_bkg_uncertainty", "type": "histosys", "data": data}
    return _model("single_channel", signal, bkg, modifier, batch_size=batch_size, validate=validate)


def uncorrelated_background(
    signal: Any, bkg: Any, bkg_uncertainty: Any, batch_size: int | None = None, validate: bool = True
) -> Model:
    """A background with an independent uncertainty in every bin (shapesys)."""
    modifier = {"name": "uncorr_bkguncrt", "type": "shapesys", "data": bkg_uncertainty}
    return _model("singlechannel", signal, bkg, modifier, batch_size=batch_size, validate=validate)


def hepdata_like(signal_data: Any, bkg_data: Any, bkg_uncerts: Any, batch_size: int | None = None) -> Model:
    """What :func:`uncorrelated_background` was called before pyhf 0.7."""
    new = "pyhf.simplemodels.uncorrelated_background"
    text = f"pyhf.simplemodels.hepdata_like is deprecated in favor of {new} as of pyhf v0.6.2."
    warn(text, DeprecationWarning, stacklevel=2)
    return uncorrelated_background(signal_data, bkg_data, bkg_uncerts, batch_size)


def _model(channel: str, signal: Any, background: Any, modifier: dict[str, Any], **options: Any) -> Model:
    mu = {"name": "mu", "type": "normfactor", "data": None}
    samples = [
        {"name": "signal", "data": signal, "modifiers": [mu]},
        {"name": "background", "data": background, "modifiers": [modifier]},
    ]
    return Model({"channels": [{"name": channel, "samples": samples}]}, **options)
