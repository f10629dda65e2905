"""The two textbook models: one channel, a signal and an uncertain background."""

from typing import Any

from hftranslate.formats.pyhf_json import to_document
from hftranslate.pyhf.pdf import Model
from hftranslate.workspace import Workspace, simplemodels


def correlated_background(signal: Any, bkg: Any, bkg_up: Any, bkg_down: Any, *options: Any, **named: Any) -> Model:
    """A background whose bins move together (histosys); options are those of :class:`hftranslate.pyhf.Model`."""
    ours = simplemodels.correlated_background(signal, bkg, bkg_up, bkg_down)
    return _model(ours, "single_channel", *options, **named)


def uncorrelated_background(signal: Any, bkg: Any, bkg_uncertainty: Any, *options: Any, **named: Any) -> Model:
    """A background with an independent uncertainty in every bin (shapesys); options as above."""
    ours = simplemodels.uncorrelated_background(signal, bkg, bkg_uncertainty)
    return _model(ours, "singlechannel", *options, **named)


def hepdata_like(signal_data: Any, bkg_data: Any, bkg_uncerts: Any, batch_size: int | None = None) -> Model:
    """What :func:`uncorrelated_background` was called before pyhf 0.7."""
    return uncorrelated_background(signal_data, bkg_data, bkg_uncerts, batch_size)


def _model(workspace: Workspace, channel: str, *options: Any, **named: Any) -> Model:
    channels = to_document(workspace)["channels"]
    return Model({"channels": [{**channels[0], "name": channel}]}, *options, **named)
