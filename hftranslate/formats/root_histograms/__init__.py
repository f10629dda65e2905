"""Histograms in ROOT files: TH1, TH2 and TH3 in, TH1D out.

The bytes of ROOT files are read and written here directly, as ROOT documents them, because that is all that histograms
need: a hundred times faster than building the whole objects, and damaged files cannot ask for more memory or time than
they deserve. uproot, which knows every class and version, reads what is out of the ordinary.
"""

from hftranslate.faces import open_face

__getattr__, __dir__, __all__ = open_face(__name__)
