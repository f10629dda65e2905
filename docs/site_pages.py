"""An extension for Sphinx: a page for each room of the package, links that hold here and on the site, formulas."""

import inspect
import re
from importlib import import_module
from pathlib import Path
from typing import Any

from docutils.nodes import SkipNode
from latex2mathml.converter import convert

from hftranslate.faces import homes_of

PACKAGE = Path(import_module("hftranslate").__file__ or "").parent
SOURCE = "https://github.com/hftranslate/hftranslate/blob/main"
#: What help texts have and reStructuredText takes for markup.
_MARKUP = re.compile(r"\*|(?<=\w)_(?!\w)")
#: What lies outside of ``docs/``, and where the site has it.
LINKS = {
    "](../ARCHITECTURE.md": "](architecture.md",
    "](ARCHITECTURE.md": "](architecture.md",
    "](../validation/": f"]({SOURCE}/validation/",
    "](validation/": f"]({SOURCE}/validation/",
}


def homes(room: str) -> dict[str, tuple[str, str]]:
    """The public names of a room, and where each comes from."""
    found = homes_of(Path(str(import_module(room).__file__)).with_suffix(".pyi"))
    return {name: home for name, home in sorted(found.items()) if not name.startswith("_")}


def rooms() -> list[str]:
    """Every room with public names of its own, in alphabetical order."""
    stubs = sorted(PACKAGE.rglob("*/__init__.pyi"))
    names = [".".join(("hftranslate", *stub.parent.relative_to(PACKAGE).parts)) for stub in stubs]
    return [n for n in names if n.split(".")[1] != "cli"]


def page(room: str) -> str:
    """The page of a room: what it says of itself, then its functions, its classes and its constants."""
    found = {name: getattr(import_module(room), name) for name in homes(room)}
    functions = [n for n, value in found.items() if inspect.isfunction(value)]
    classes = [n for n, value in found.items() if inspect.isclass(value)]
    others = [n for n, v in found.items() if n not in (*functions, *classes) and not inspect.ismodule(v)]
    blocks = [f"# {room}\n\n```{{eval-rst}}\n.. automodule:: {room}\n   :no-members:\n"]
    blocks += [f".. autofunction:: {room}.{name}\n" for name in functions]
    blocks += [f".. autoclass:: {room}.{name}\n   :members:\n   :no-undoc-members:\n" for name in classes]
    if others:
        blocks.append("Constants and types: " + ", ".join(f"``{name}``" for name in others) + "\n")
    return "\n".join(blocks) + "```\n"


def first_page() -> str:
    """The page of the package itself: each of its names, and the room that describes it."""
    described = {home: room for room in rooms() for home in homes(room).values()}
    lines = []
    for name, home in homes("hftranslate").items():
        room = described.get(home)
        if room is not None:
            kind = "class" if inspect.isclass(getattr(import_module("hftranslate"), name)) else "func"
            of_room = next(n for n, h in homes(room).items() if h == home)
            lines.append(f"| `hft.{name}` | {{py:{kind}}}`{room}.{of_room}` |")
    listed, named = "\n".join(rooms()), "\n".join(lines)
    says = "`import hftranslate as hft` has the names of every day; each room has more."
    head = f"# Python: rooms and their names\n\n{says}\n\n| name | described as |\n|---|---|\n"
    return f"{head}{named}\n\n```{{toctree}}\n{listed}\n```\n"


def write_pages(app: Any) -> None:
    """The pages, into ``api/`` beside the others; what is there already and the same stays as it is."""
    folder = Path(app.srcdir) / "api"
    folder.mkdir(exist_ok=True)
    texts = {f"{room}.md": page(room) for room in rooms()} | {"index.md": first_page()}
    for path in folder.glob("*.md"):
        if path.name not in texts:
            path.unlink()
    for name, text in texts.items():
        path = folder / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def with_links(content: list[str]) -> None:
    """Links to what lies outside of ``docs/`` lead where the site has it."""
    for there, here in LINKS.items():
        content[0] = content[0].replace(there, here)


def literally(lines: list[str]) -> None:
    """Help texts are no markup."""
    lines[:] = [line if line.startswith("..") else _MARKUP.sub(r"\\\g<0>", line) for line in lines]


def _formula(translator: Any, node: Any, display: str) -> None:
    """A formula as MathML, which browsers show by themselves: the pages need nothing from elsewhere."""
    translator.body.append(convert(node.astext(), display=display))
    raise SkipNode


def setup(app: Any) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("builder-inited", write_pages)
    app.connect("source-read", lambda _, name, content: with_links(content))
    app.connect("include-read", lambda _, path, name, content: with_links(content))
    for event in ("description", "options", "arguments", "usage", "epilog"):
        app.connect(f"sphinx-click-process-{event}", lambda _, context, lines: literally(lines))
    app.add_html_math_renderer(
        "mathml",
        (lambda t, node: _formula(t, node, "inline"), None),
        (lambda t, node: _formula(t, node, "block"), None),
    )
    return {"parallel_read_safe": True}
