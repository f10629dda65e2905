"""Results in, matplotlib figures out. matplotlib is imported when a figure is drawn, and no global state is touched.

Every function takes results, or the JSON documents that the commands write, and returns a figure; :func:`save` writes
it, :func:`picture` gives its bytes. The keyword ``options`` holds title and style.
"""

from hftranslate.faces import open_face

__getattr__, __dir__, __all__ = open_face(__name__)
