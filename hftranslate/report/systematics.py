"""All systematics of a model on one page without anything from elsewhere: pictures, flags, a preview of pruning."""

import base64
import hashlib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from hftranslate.crosscheck.pages import render
from hftranslate.display.speaking import short
from hftranslate.doctor.systematics import Systematics
from hftranslate.errors import FormatError
from hftranslate.plots import thumbnails


def systematics_page(found: Systematics | Mapping[str, Any], title: str = "systematics") -> str:
    """The page of the systematics of a model.

    Parameters
    ----------
    found
        what :func:`hftranslate.doctor.systematics` found, or its JSON document.
    title
        what the page is called: the name of the model's file, say.

    Returns
    -------
    str
        the page, as HTML without anything from elsewhere.

    Raises
    ------
    FormatError
        It is something else.
    """
    from jinja2 import UndefinedError

    document = found.to_dict() if isinstance(found, Systematics) else found
    scripts = [
        (files("hftranslate.report") / "templates" / name).read_text(encoding="utf-8")
        for name in ("sort.js", "filter.js")
    ]
    try:
        return render(
            "report/systematics.html.jinja",
            found=document,
            title=title,
            groups=_groups(document),
            flags=list(dict.fromkeys(flag for v in document["variations"] for flag in v["flags"])),
            size=(thumbnails.WIDTH, thumbnails.HEIGHT),
            scripts=scripts,
            policy=[base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts],
            short=short,
        )
    except (UndefinedError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise FormatError(f"no systematics as 'hftranslate systematics' writes them: {error}") from None


def _groups(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The variations of each systematic with their pictures, that with the largest effect first."""
    by_name: dict[str, list[Mapping[str, Any]]] = {}
    for v in document["variations"]:
        by_name.setdefault(v["systematic"], []).append(v)
    groups = [
        {
            "name": name,
            "types": " + ".join(dict.fromkeys(t for v in of_it for t in v["types"])),
            "flags": list(dict.fromkeys(flag for v in of_it for flag in v["flags"])),
            "effect": max(v["effect"] for v in of_it),
            "negligible": sum(v["negligible"] for v in of_it),
            "drawn": [(v, thumbnails.thumbnail(v), _values(v)) for v in sorted(of_it, key=lambda v: -v["effect"])],
        }
        for name, of_it in by_name.items()
    ]
    return sorted(groups, key=lambda group: -group["effect"])


def _values(v: Mapping[str, Any]) -> list[str]:
    """The events of each bin, to read where the pointer stays."""
    rows = zip(v["down"], v["nominal"], v["up"], strict=True)
    return [f"bin {b}: {' | '.join(map(short, row))}" for b, row in enumerate(rows)]
