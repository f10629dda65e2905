"""Results in, matplotlib figures out. matplotlib is imported when a figure is drawn, and no global state is touched.

Every function takes results, or the JSON documents that the commands write, and returns a figure; :func:`save` writes
it, :func:`picture` gives its bytes. ``ax`` is where it draws one panel; ``fig`` is a figure of yours, or a part of one,
where it draws one or several. ``options`` holds title, style, and the label of an experiment.
"""

from hftranslate.faces import open_face

__getattr__, __dir__, __all__ = open_face(__name__)
