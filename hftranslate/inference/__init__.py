"""Fits, tests and limits of one data set.

In the order of the work: :func:`fit`; :func:`profile_scan`, :func:`impacts`, :func:`pulls`, :func:`goodness_of_fit` and
:func:`fitted_yields` look into it; :func:`hypotest` gives CLs, :func:`upper_limit` limits, :func:`significance` the
evidence for a signal, all by asymptotic formulae. The same by pseudo-experiments: :mod:`hftranslate.toys`. What they
give can be printed, as a table, and ``to_dict()`` is the JSON of the command line of it.
"""

from hftranslate.faces import open_face

__getattr__, __dir__, __all__ = open_face(__name__)
