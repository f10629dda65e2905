"""The ROOT files that hist2workspace wrote, read without ROOT.

Beside its RooWorkspace such a file holds the ``RooStats::HistFactory::Measurement`` that the workspace was made from.
That object is decoded by the layouts that the file itself describes (:mod:`.layouts`, :mod:`.streamed`) and put in the
words of HistFactory XML (:mod:`.measurement`), whose reader says what ROOT makes of them.
"""

from hftranslate.faces import open_face

__getattr__, __dir__, __all__ = open_face(__name__)
