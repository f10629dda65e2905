"""The doctor: what is suspicious in a model, where, why it matters, and what helps; and what is in it at all.

Three kinds of questions are asked by :func:`diagnose`. Of the description: negative and empty bins, uncertainties on
nothing, variations that are one-sided, huge, not normalised or given twice, names and settings that nothing uses. Of
the compiled likelihood: expectations within one and three standard deviations of every parameter, the parameter of
interest, ranges. And of a fit to the data: whether it converges, what limits it, and what it cannot tell apart.
:func:`summary` only counts what is there.
"""

from hftranslate.faces import open_face

__getattr__, __dir__, __all__ = open_face(__name__)
