"""The likelihood as a differentiable function for JAX and PyTorch, templates and all.

:func:`to_jax` and :func:`to_torch` make a :class:`TensorLikelihood` of a compiled model: pure functions of parameters,
templates and data, for gradients by templates, samplers (:class:`Density`) and many data sets on a GPU
(:func:`fit_many`). :func:`with_templates` gives the engine's model with other templates. For fits and tests themselves
the engine (:mod:`hftranslate.inference`) is faster.
"""

from hftranslate.faces import open_face

__getattr__, __dir__, __all__ = open_face(__name__)
