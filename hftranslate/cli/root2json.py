"""The ROOT file that hist2workspace wrote to pyhf JSON."""

from copy import copy

import click

from hftranslate.cli.xml2json import xml2json

root2json = copy(xml2json)
root2json.name = "root2json"
root2json.help = """Translate a ROOT file that hist2workspace wrote to pyhf JSON, without ROOT.

CONFIG is the file, results/*_combined_*_model.root; what is read is the Measurement object in it. What JSON cannot say
is kept in a sidecar beside the output (OUT.histfactory.json).
"""
root2json.params = [
    *xml2json.params,
    click.Option(["--measurement"], metavar="NAME", help="The only measurement that is read; default: all."),
]
