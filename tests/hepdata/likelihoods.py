"""A small likelihood with three signals, and what a bundle is made of."""

import copy
import json
from pathlib import Path

from hftranslate.hepdata.regions import read_region
from hftranslate.signal_grid.document import from_document
from hftranslate.signal_grid.scan import scan
from hftranslate.signal_grid.tasks import ScanSettings

BACKGROUND = {
    "channels": [
        {
            "name": "SR",
            "samples": [
                {
                    "name": "bkg",
                    "data": [50.0, 30.0, 12.0],
                    "modifiers": [
                        {"name": "xsec", "type": "normsys", "data": {"lo": 0.9, "hi": 1.1}},
                        {"name": "stat_SR", "type": "staterror", "data": [2.0, 1.5, 1.0]},
                    ],
                }
            ],
        },
        {
            "name": "CR",
            "samples": [
                {
                    "name": "bkg",
                    "data": [400.0],
                    "modifiers": [{"name": "xsec", "type": "normsys", "data": {"lo": 0.9, "hi": 1.1}}],
                }
            ],
        },
    ],
    "observations": [{"name": "SR", "data": [52.0, 28.0, 13.0]}, {"name": "CR", "data": [410.0]}],
    "measurements": [{"name": "meas", "config": {"poi": "mu", "parameters": []}}],
    "version": "1.0.0",
}
SIGNALS = {"s_300_100": (300, 100, 12.0), "s_400_100": (400, 100, 6.0), "s_500_100": (500, 100, 2.0)}


def signal(yields, name="signal"):
    modifiers = [{"name": "mu", "type": "normfactor", "data": None}]
    sample = {"name": name, "data": [yields / 4, yields / 2, yields], "modifiers": modifiers}
    return [{"op": "add", "path": "/channels/0/samples/-", "value": sample}]


def patchset(background=BACKGROUND):
    from hftranslate.signal_grid import digest

    return {
        "metadata": {
            "references": {"hepdata": "ins1234567"},
            "digests": {"sha256": digest(background)},
            "labels": ["m1", "m2"],
            "description": "three signals",
        },
        "patches": [
            {"metadata": {"name": name, "values": [m1, m2]}, "patch": signal(n)}
            for name, (m1, m2, n) in SIGNALS.items()
        ],
        "version": "1.0.0",
    }


def write(folder: Path, background=BACKGROUND, patches=None):
    """The files of a likelihood; their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / "bkg.json", folder / "patches.json"
    paths[0].write_text(json.dumps(background))
    paths[1].write_text(json.dumps(patches or patchset(background)))
    return paths


def scanned(background=BACKGROUND, **settings):
    patches = from_document(patchset(background))
    return scan(copy.deepcopy(background), patches, ScanSettings(**settings))


def region(folder: Path, name="", scans=()):
    return read_region(name, *write(folder), scans=tuple(scans))
