"""Workspace and measurement in, likelihood out: expected yields, NLL, exact gradient and Hessian on flat arrays.

:func:`compile_model` makes a :class:`Model` and its :class:`Data`; :func:`expected_yields` says what a model expects
channel by channel, with uncertainties; :func:`restricted` holds parameters or gives them other ranges.
"""

from hftranslate.faces import open_face

__getattr__, __dir__, __all__ = open_face(__name__)
