"""One page about a model: what it is, what is suspicious in it, fits, tests, pictures, and how it agrees with ROOT.

:func:`report` computes everything, as one JSON document; :func:`report_page` makes the page of it, now or later.
"""

from hftranslate.faces import open_face

__getattr__, __dir__, __all__ = open_face(__name__)
