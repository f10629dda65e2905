"""Carry HistFactory models between ROOT and JSON, compute with them, and prove that the result agrees with ROOT.

The verbs and nouns of every day are here; each room (``hftranslate.inference``, ``hftranslate.translation``, ...) has
more and says in its docstring what to use when. Where a verb and a room share a name (``crosscheck``, ``doctor``), the
name here is the verb, and ``from hftranslate.crosscheck import ...`` reaches into the room.
"""

from typing import Any

from hftranslate.faces import open_face

_of_face, __dir__, __all__ = open_face(__name__)


def __getattr__(name: str) -> Any:
    if name == "__version__":  # that of the installed package, which its tag says
        from importlib.metadata import version

        return version("hftranslate")
    return _of_face(name)
