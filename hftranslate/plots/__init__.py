"""Results in, matplotlib figures out. matplotlib is imported when a figure is drawn, and no global state is touched.

Every function takes results, or the JSON documents that the commands write, and returns a figure; :func:`save` writes
it, :func:`picture` gives its bytes. ``ax`` or ``fig`` is where it draws in a figure of yours; ``options`` holds title,
style, and the label of an experiment.
"""

from hftranslate.faces import open_face

__getattr__, __dir__, __all__ = open_face(__name__)
