"""HEPData: likelihoods made ready for a record, checked before they go there, and fetched from it.

:mod:`~hftranslate.hepdata.bundle` makes a folder for upload, :mod:`~hftranslate.hepdata.check` judges one, and
:mod:`~hftranslate.hepdata.download` fetches the likelihood of a published record.
"""
