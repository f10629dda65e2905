"""HistFactory XML with its ROOT histograms <-> Workspace, with ROOT 6.40's meaning.

``read`` and ``interpret`` understand it; ``render`` writes it in memory, ``write`` to disk, and ``read_back``
understands what was rendered.
"""

from hftranslate.formats.histfactory_xml.attributes import FATES, AttributeFate, table
from hftranslate.formats.histfactory_xml.read import interpret, read, read_accounted
from hftranslate.formats.histfactory_xml.render import XmlModel, render
from hftranslate.formats.histfactory_xml.sources import XmlOptions
from hftranslate.formats.histfactory_xml.write import read_back, steps, write, write_model

__all__ = [
    "FATES",
    "AttributeFate",
    "XmlModel",
    "XmlOptions",
    "interpret",
    "read",
    "read_accounted",
    "read_back",
    "render",
    "steps",
    "table",
    "write",
    "write_model",
]
