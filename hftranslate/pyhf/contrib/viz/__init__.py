"""Pictures: the Brazil band, in ``brazil``; all others are functions of the room :mod:`hftranslate.plots`."""

from hftranslate.pyhf.contrib.viz import brazil

__all__ = ["brazil"]
