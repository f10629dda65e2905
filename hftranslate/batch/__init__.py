"""Many independent tasks: fits of toys, points of scans, signals of a grid.

:func:`run_many` runs them here or on the workers of an executor and gives the results in the order of the items;
:func:`run_kept` keeps each in a :class:`Journal` as it arrives, so that an interrupted task is resumed; a
:data:`Progress` is told how far it has come. :func:`fingerprint` is what kept results are recognised by.
"""

from hftranslate.faces import open_face

__getattr__, __dir__, __all__ = open_face(__name__)
