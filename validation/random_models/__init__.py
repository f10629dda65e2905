"""Random measurements, evaluated by real ROOT and by us: :mod:`~validation.random_models.__main__` runs many of them.

The XML and the histograms are written here and by ROOT; ROOT builds its model by its own HistFactory classes
(``validation/make_reference/from_xml.py``); nothing of our translators takes part in that.
"""
