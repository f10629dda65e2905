from hftranslate.formats.hs3.dialect import to_hs3_steps
from hftranslate.formats.hs3.document import TARGETS, Target, to_document
from hftranslate.formats.hs3.read import MISREAD, from_document

__all__ = ["MISREAD", "TARGETS", "Target", "from_document", "to_document", "to_hs3_steps"]
