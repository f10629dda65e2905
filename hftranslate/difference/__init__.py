"""What is different between two workspaces in meaning, whatever their formats and the order of their parts.

``difference`` compares structure, numbers, settings and the likelihood itself; ``likelihoods`` the likelihood alone.
"""

from hftranslate.difference.compare import Difference, Item, difference, difference_of_translation
from hftranslate.difference.likelihoods import LikelihoodComparison, likelihoods
from hftranslate.difference.proof import proof, proven
from hftranslate.difference.report import document, text

__all__ = [
    "Difference",
    "Item",
    "LikelihoodComparison",
    "difference",
    "difference_of_translation",
    "document",
    "likelihoods",
    "proof",
    "proven",
    "text",
]
