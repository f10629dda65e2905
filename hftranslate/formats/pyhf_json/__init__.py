"""pyhf JSON, version 1.0.0 of its schema, to and from a Workspace.

:func:`from_document` and :func:`to_document` read and write a parsed document; :data:`TO_PYHF` are the steps that
rewrite any Workspace into what pyhf can say.
"""

from hftranslate.faces import open_face

__getattr__, __dir__, __all__ = open_face(__name__)
