from hftranslate.formats.histfactory_xml.attributes import FATES, AttributeFate, table
from hftranslate.formats.histfactory_xml.options import XmlOptions
from hftranslate.formats.histfactory_xml.read import interpret, read, read_accounted
from hftranslate.formats.histfactory_xml.render import XmlModel, render
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
