"""The report of a model as one page without anything from elsewhere, made of its JSON document."""

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from hftranslate.crosscheck.pages import render
from hftranslate.display.speaking import short
from hftranslate.errors import FormatError, InputError, MissingExtra
from hftranslate.formats.recognition import mistaken
from hftranslate.report.contents import SCHEMA

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Of systematics that are drawn, the most pulled, the most correlated, and those with the largest impact.
_PULLS, _CORRELATIONS, _IMPACTS = 40, 25, 25


def report_page(document: object, source: str = "the document") -> str:
    """The page of a report.

    Parameters
    ----------
    document
        what :func:`~hftranslate.report.report` computed, or a file of it holds.
    source
        what to call it in messages.

    Returns
    -------
    str
        the page, as HTML without anything from elsewhere.

    Raises
    ------
    FormatError
        It is something else.
    MissingExtra
        matplotlib is not installed.
    """
    from jinja2 import UndefinedError

    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        mistake = mistaken(document, "a report")
        raise FormatError(f"{source}: {mistake or f'it is no report: expected the schema {SCHEMA!r}'}")
    script = (files("hftranslate.report") / "templates" / "sort.js").read_text(encoding="utf-8")
    try:
        return render(
            "report/model.html.jinja",
            report=document,
            pictures=_pictures(document),
            script=script,
            policy=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
            short=lambda value: short(value) if isinstance(value, int | float) else value,
        )
    except MissingExtra:
        raise
    except (UndefinedError, InputError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise FormatError(f"{source} is no report as 'hftranslate report' writes it: {error}") from None


def _pictures(document: Mapping[str, Any]) -> dict[str, list[Any]]:
    """SVG for each part that there is something to draw of; a part that cannot be drawn is left out."""
    from markupsafe import Markup

    from hftranslate.plots.figures import inline_svg

    found: dict[str, list[Any]] = {}
    for name, draw in _drawings(document):
        try:
            figure = draw()
        except FormatError:
            raise
        except InputError:  # there is nothing to draw
            continue
        of_part = found.setdefault(name, [])
        of_part.append(Markup(inline_svg(figure, f"{name}-{len(of_part)}")))
    return found


def _drawings(document: Mapping[str, Any]) -> "Iterator[tuple[str, Callable[[], Figure]]]":
    from hftranslate import plots

    both = [document[stage] for stage in ("prefit", "postfit") if stage in document]
    for channels in plots.pages(both[0]) if both else ():
        yield "yields", lambda channels=channels: plots.yields(both, channels=channels)  # type: ignore[misc]
    if "fit" in document:
        yield "pulls", lambda: plots.pulls(document["fit"], most=_PULLS)
        yield "correlations", lambda: plots.correlations(document["fit"], most=_CORRELATIONS)
    if "impacts" in document:
        yield "impacts", lambda: plots.impacts(document["impacts"], top=_IMPACTS)
    if "scan" in document:
        yield "scan", lambda: plots.scan(document["scan"])
    if "limit" in document:
        yield "limit", lambda: plots.brazil(document["limit"])
