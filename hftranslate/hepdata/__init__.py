"""HEPData: likelihoods made ready for a record, checked before they go there, fetched from it, and reproduced.

:func:`make_bundle` makes the folder of a submission, :func:`check` looks at one as a coordinator would,
:func:`download` fetches a published likelihood safely, :func:`reproduce` gets the exclusion contours from it.
"""

from hftranslate.faces import open_face

__getattr__, __dir__, __all__ = open_face(__name__)
