"""Carry HistFactory models between ROOT and JSON, compute with them, and prove that the result agrees with ROOT.

The verbs and nouns of every day are here; each room (``hftranslate.inference``, ``hftranslate.translation``, ...) has
more and says in its docstring what to use when. Where a verb and a room share a name (``crosscheck``, ``doctor``), the
name here is the verb, and ``from hftranslate.crosscheck import ...`` reaches into the room.
"""

from hftranslate.faces import open_face

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = open_face(__name__)
