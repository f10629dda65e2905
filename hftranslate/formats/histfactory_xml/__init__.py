"""HistFactory XML with its ROOT histograms <-> Workspace, with ROOT 6.40's meaning.

``read`` and ``interpret`` understand it; ``render`` writes it in memory, ``write`` to disk, and ``read_back``
understands what was rendered.
"""

from hftranslate.faces import open_face

__getattr__, __dir__, __all__ = open_face(__name__)
