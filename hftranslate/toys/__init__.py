"""Tests, limits and significances by pseudo-experiments (toys).

:func:`toy_test` gives CLs, :func:`toy_limit` limits, :func:`toy_significance` the evidence for a signal, as
:mod:`hftranslate.inference` does by asymptotic formulae. Toys are kept in a journal, resumed and merged
(:func:`kept_toys`, :func:`merged`); :func:`sample_toys` and :func:`fit_toys` draw and fit them without a test.
"""

from hftranslate.faces import open_face

__getattr__, __dir__, __all__ = open_face(__name__)
