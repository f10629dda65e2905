from hftranslate.formats.hs3.read import from_document

__all__ = ["from_document"]
