"""A small model for the command line, as text."""

import json
from typing import Any


def document() -> dict[str, Any]:
    """A counting experiment with a shape: signal, background, a normsys, a staterror and the luminosity."""
    return {
        "channels": [
            {
                "name": "SR",
                "samples": [
                    {
                        "name": "signal",
                        "data": [3.0, 8.0],
                        "modifiers": [
                            {"name": "mu", "type": "normfactor", "data": None},
                            {"name": "lumi", "type": "lumi", "data": None},
                        ],
                    },
                    {
                        "name": "background",
                        "data": [50.0, 52.0],
                        "modifiers": [
                            {"name": "JES", "type": "normsys", "data": {"hi": 1.1, "lo": 0.93}},
                            {"name": "staterror_SR", "type": "staterror", "data": [3.0, 7.0]},
                        ],
                    },
                ],
            }
        ],
        "measurements": [
            {
                "name": "meas",
                "config": {
                    "poi": "mu",
                    "parameters": [
                        {"name": "lumi", "auxdata": [1.0], "sigmas": [0.02], "bounds": [[0.9, 1.1]], "inits": [1.0]}
                    ],
                },
            },
            {
                "name": "other",
                "config": {
                    "poi": "mu",
                    "parameters": [
                        {"name": "JES", "fixed": True},
                        {"name": "lumi", "auxdata": [1.0], "sigmas": [0.02], "bounds": [[0.9, 1.1]], "inits": [1.0]},
                    ],
                },
            },
        ],
        "observations": [{"name": "SR", "data": [55, 60]}],
        "version": "1.0.0",
    }


def text() -> str:
    return json.dumps(document())
