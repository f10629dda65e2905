"""ROOT files with a Measurement or a RooWorkspace, read without ROOT.

Beside its RooWorkspace such a file holds the ``RooStats::HistFactory::Measurement`` that the workspace was made from.
That object is decoded by the layouts that the file itself describes (:mod:`.layouts`, :mod:`.streamed`) and put in the
words of HistFactory XML (:mod:`.measurement`), whose reader says what ROOT makes of them. Where there is none, the
graph of the RooWorkspace itself is read (:mod:`.graph`, :mod:`.roofit`) and taken apart (:mod:`.space`).
"""

from hftranslate.faces import open_face

__getattr__, __dir__, __all__ = open_face(__name__)
