from hftranslate.difference.compare import Difference, Item, difference, difference_of_translation
from hftranslate.difference.likelihood_change import cls_difference, likelihood_differences
from hftranslate.difference.likelihoods import LikelihoodComparison, likelihoods
from hftranslate.difference.proof import proof, proven
from hftranslate.difference.report import document, text

__all__ = [
    "Difference",
    "Item",
    "LikelihoodComparison",
    "cls_difference",
    "difference",
    "difference_of_translation",
    "document",
    "likelihood_differences",
    "likelihoods",
    "proof",
    "proven",
    "text",
]
