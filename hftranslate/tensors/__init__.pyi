from hftranslate.tensors.density import Density
from hftranslate.tensors.likelihood import TensorLikelihood, to_jax, to_torch
from hftranslate.tensors.many import fit_many
from hftranslate.tensors.templates import templates_of, with_templates

__all__ = [
    "Density",
    "TensorLikelihood",
    "fit_many",
    "templates_of",
    "to_jax",
    "to_torch",
    "with_templates",
]
