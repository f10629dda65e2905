"""Pages and texts from templates: where these lie, and how what they show is made harmless."""

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from hftranslate import display
from hftranslate.crosscheck.report_text import WORDS

if TYPE_CHECKING:
    from jinja2 import Environment


def render(template: str, **values: object) -> str:
    """A page or a text without external resources.

    Parameters
    ----------
    template
        ``room/name``, of a file in the folder ``templates`` of a room of the package. Text that it shows is made
        harmless as the ending says: of Markdown before ``.md.jinja``, otherwise of HTML.
    """
    harmless = display.markdown if template.endswith(".md.jinja") else display.html
    return _environment(harmless).get_template(template).render(values)


@cache
def _environment(harmless: Callable[[str], str]) -> "Environment":
    from jinja2 import Environment, FunctionLoader, StrictUndefined
    from markupsafe import Markup

    def shown(value: object) -> object:
        return Markup(harmless(value)) if isinstance(value, str) and not isinstance(value, Markup) else value

    found = Environment(
        loader=FunctionLoader(_source),
        autoescape=True,
        finalize=shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.globals |= {"WORDS": WORDS}
    found.filters |= {"code": lambda text: Markup(display.markdown_code(text))}
    return found


def _source(template: str) -> str:
    room, _, name = template.partition("/")
    return (files(f"hftranslate.{room}") / "templates" / name).read_text(encoding="utf-8")
