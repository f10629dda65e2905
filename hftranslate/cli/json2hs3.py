"""Any format to HS3."""

from copy import copy

from hftranslate.cli.convert import convert

json2hs3 = copy(convert)
json2hs3.name = "json2hs3"
json2hs3.context_settings = {"default_map": {"to": "hs3"}}
json2hs3.help = """Translate a workspace to HS3 in the words that ROOT 6.40 reads back right; --for chooses another.

What HS3 cannot say is kept in a sidecar beside the output (OUT.histfactory.json).
"""
