"""What is different between two workspaces in meaning, whatever their formats and the order of their parts.

:func:`difference` compares structure, numbers, settings and the likelihood itself, :func:`likelihoods` the likelihood
alone; :func:`document` and :func:`text` say what was found, :func:`proof` what it proves.
"""

from hftranslate.faces import open_face

__getattr__, __dir__, __all__ = open_face(__name__)
