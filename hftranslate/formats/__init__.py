"""Files in, files out: which format a file is, and what all formats share.

Each format is a room of its own that holds its reader, its writer and the rewriting into what it can say
(:mod:`~hftranslate.formats.histfactory_xml`, :mod:`~hftranslate.formats.pyhf_json`); histograms in ROOT files are
:mod:`~hftranslate.formats.root_histograms`. To read or write a model whatever its format:
:mod:`hftranslate.translation`.
"""

from hftranslate.faces import open_face

__getattr__, __dir__, __all__ = open_face(__name__)
