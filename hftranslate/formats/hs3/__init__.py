"""HS3, the HEP Statistics Serialization Standard: what of it is HistFactory, reader and writer.

A document is checked node by node (:mod:`.tree`), its analyses, parameter points and domains say what the numbers of a
measurement are (:mod:`.settings`), and its channels become those of a Workspace (:mod:`.channels`) under ROOT's
conventions (:mod:`.read`). What is written (:mod:`.document`) is what ROOT 6.40 reads back right (:mod:`.dialect`).
"""

from hftranslate.faces import open_face

__getattr__, __dir__, __all__ = open_face(__name__)
