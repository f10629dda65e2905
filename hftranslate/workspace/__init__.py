"""What a HistFactory model is: the canonical description that every file format is read into and written from.

:mod:`~hftranslate.workspace.model` has the dataclasses, :mod:`~hftranslate.workspace.parameters` resolves what a
measurement says about its parameters and :mod:`~hftranslate.workspace.parameter_names` what ROOT and pyhf call them;
:mod:`~hftranslate.workspace.functions` and :mod:`~hftranslate.workspace.expressions` are for factors that formulas
make. Without a file: :func:`from_hist` takes histograms, :mod:`~hftranslate.workspace.simplemodels` has two textbook
models.
"""

from hftranslate.faces import open_face

__getattr__, __dir__, __all__ = open_face(__name__)
