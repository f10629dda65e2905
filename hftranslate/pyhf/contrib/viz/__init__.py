"""Pictures: the Brazil band, in ``brazil``; all others are functions of the room :mod:`hftranslate.plots`."""

__all__: list[str] = []
