"""The Brazil band with pyhf's labels, from the room of pictures."""

from hftranslate.plots.cls_bands import BrazilBandCollection, plot_brazil_band, plot_cls_components, plot_results

__all__ = ["BrazilBandCollection", "plot_brazil_band", "plot_cls_components", "plot_results"]
