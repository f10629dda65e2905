"""HS3 to pyhf JSON."""

from copy import copy

from hftranslate.cli.convert import convert

hs32json = copy(convert)
hs32json.name = "hs32json"
hs32json.context_settings = {"default_map": {"to": "pyhf-json"}}
hs32json.help = """Translate HS3 to pyhf JSON, without ROOT; --analysis chooses one of several.

What JSON cannot say is kept in a sidecar beside the output (OUT.histfactory.json).
"""
