"""Between files and Workspaces: format, rewriting, sidecar, and an account of all that did not pass unchanged.

:func:`read` and :func:`write` are what most need; :func:`load` also tells where a model came from and takes patches.
:func:`to_pyhf_json` and :func:`to_xml` translate in memory. :func:`verify_file` reads a translation back and compares.
What a format cannot say lies in a sidecar (:mod:`~hftranslate.translation.sidecar`).
"""

from hftranslate.faces import open_face

__getattr__, __dir__, __all__ = open_face(__name__)
