"""Results in, matplotlib figures out. matplotlib is imported when a figure is drawn, and no global state is touched.

Every function takes results, or the JSON documents that the commands write, and returns a figure; :func:`save` writes
it, :func:`picture` gives its bytes. The keyword ``style`` is one of mplhep's styles: ROOT, ATLAS, CMS, ALICE or DUNE.
"""

from hftranslate.faces import open_face

__getattr__, __dir__, __all__ = open_face(__name__)
