"""What all pictures share: styles, colours, figures and files.

Figures are made without pyplot's global state; matplotlib and mplhep are imported when one is drawn.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, wraps
from importlib.util import find_spec
from inspect import signature
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeAlias, TypeVar
from xml.etree import ElementTree

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hftranslate.display import terminal, terminal_lines
from hftranslate.display.speaking import Result
from hftranslate.errors import FormatError, InputError, needs_extra
from hftranslate.formats.files import write_files
from hftranslate.workspace import parameter_names as naming

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

with needs_extra("plot", "pictures"):  # told before anything else is: both are slow to import, so not yet here
    for _library in ("matplotlib", "mplhep"):
        if find_spec(_library) is None:
            raise ImportError(name=_library)

Floats = NDArray[np.float64]
#: A result, or the JSON document that a command writes of it.
Drawn: TypeAlias = Result | Mapping[str, Any]
P = ParamSpec("P")
R = TypeVar("R")

#: The styles of mplhep that pictures can be drawn in.
STYLES = ("ROOT", "ATLAS", "CMS", "ALICE", "DUNE")

#: Bands of one and two standard deviations; apart in lightness, for prints and for eyes that see no green.
ONE_SIGMA, TWO_SIGMA = "#7bcf8b", "#f3dc6b"
#: A level or a limit, and the signal.
MARK, SIGNAL = "#b3261e", "#bd1f01"
#: The two directions of an impact, and of hypotheses.
ABOVE, BELOW = "#e42536", "#3f90da"
#: Samples of a stack (M. Petroff, arXiv:2107.02270, for all kinds of colour vision), without the signal's red.
SAMPLES = (
    "#3f90da",
    "#ffa90e",
    "#94a4a2",
    "#832db6",
    "#a96b59",
    "#e76300",
    "#b9ac70",
    "#717581",
    "#92dadd",
)

_FONT_SIZE = 10.0

#: In attributes of SVG: what is drawn again or cut by another element, and digits that nobody sees.
_REFERENCE, _DIGITS = re.compile(r"(^#|url\(#)([^)]+)"), re.compile(r"(\.\d\d\d)\d+")
#: An id, or a reference to it, that Matplotlib makes of what it stands for: a letter and a hash.
_HASHED = re.compile(rb"(?<=[\"#])([a-z]+)[0-9a-f]{10}(?=[\")])")
_SIX_DIGITS = re.compile(rb"(\.\d{4})\d\d\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlotOptions:
    """What all pictures can be told.

    Attributes
    ----------
    title
        stands above the picture.
    style
        one of :data:`STYLES`, those of mplhep.
    experiment, status
        who shows it, and what it is (``"Preliminary"``), above the picture on the left.
    lumi, energy
        of the data, in 1/fb and TeV, above the picture on the right; ``None`` or a text in place of the number.

    Raises
    ------
    InputError
        There is no such style.
    """

    title: str = ""
    style: str = "ROOT"
    experiment: str = ""
    status: str = ""
    lumi: float | str | None = None
    energy: float | str | None = None

    def __post_init__(self) -> None:
        _check_style(self.style)

    @property
    def corners(self) -> tuple[str, str]:
        """What stands above the left and the right corner of a picture."""
        # experiments write their names in bold letters, ATLAS in bold italic ones
        face = "mathbfit" if self.style == "ATLAS" else "mathbf"
        name = rf"$\{face}{{{self.experiment}}}$" if self.experiment.isalnum() else literal(self.experiment)
        status = rf"$\mathit{{{self.status}}}$" if self.status.isalpha() else literal(self.status)
        energy = "" if self.energy is None else rf"√$s$ = {_amount(self.energy)} TeV"
        lumi = "" if self.lumi is None else rf"{_amount(self.lumi)} fb$^{{-1}}$"
        return "  ".join(filter(None, (name, status))), ", ".join(filter(None, (energy, lumi)))


def _amount(value: float | str) -> str:
    return literal(value) if isinstance(value, str) else f"{value:g}"


def _check_style(style: str) -> None:
    if style not in STYLES:
        raise InputError(f"no style {style!r} of pictures; there are {', '.join(STYLES)}")


DEFAULT_PLOT = PlotOptions()


def style_parameters(style: str) -> dict[str, Any]:
    """matplotlib's settings for one of mplhep's styles, scaled to the size of a column of text.

    Raises
    ------
    InputError
        There is no such style.
    """
    import mplhep
    from matplotlib import font_manager

    _check_style(style)
    chosen = dict(getattr(mplhep.style, style))
    scale = _FONT_SIZE / chosen["font.size"]
    for name in [n for n in chosen if n.startswith(("figure.", "legend.", "savefig.", "axes.pad", "lines."))]:
        del chosen[name]
    for name, value in chosen.items():
        if name.split(".")[-1] in ("size", "width", "linewidth", "pad", "labelpad") and isinstance(value, int | float):
            chosen[name] = value * scale
    installed = set(font_manager.fontManager.get_font_names())
    families = [f for f in chosen["font.sans-serif"] if f in installed]
    if not families:  # mathematics in the same letters where they are there
        chosen["mathtext.fontset"] = "dejavusans"
    longest = {"xtick.major.size": 4.5, "ytick.major.size": 4.5, "xtick.minor.size": 2.5, "ytick.minor.size": 2.5}
    return {
        **chosen,
        **{name: min(size, float(chosen.get(name, size))) for name, size in longest.items()},
        "font.sans-serif": [*families, "DejaVu Sans"],
        "font.family": "sans-serif",
        "axes.unicode_minus": True,
        "axes.autolimit_mode": "data",
        "axes.labelsize": "medium",
        "axes.titlesize": "medium",
        "axes.linewidth": 0.8,
        "xtick.labelsize": "small",
        "ytick.labelsize": "small",
        "legend.fontsize": "small",
        "legend.frameon": False,
        "legend.handlelength": 1.5,
        "lines.linewidth": 1.3,
        "hatch.linewidth": 0.5,
        "svg.hashsalt": "hftranslate",
        "pdf.fonttype": 42,
    }


@contextmanager
def styled(style: str = "ROOT") -> Iterator[None]:
    """Draw in a style; matplotlib's settings are as before afterwards."""
    import matplotlib

    settings: Any = style_parameters(style)
    with matplotlib.rc_context(settings):
        yield


def in_style(function: Callable[P, R]) -> Callable[P, R]:
    """A function that draws, in the style of its keyword ``options``: :class:`PlotOptions`.

    One that draws a single panel, into ``ax``, also takes a figure, or a part of one, as ``fig``.
    """
    takes = signature(function).parameters

    @wraps(function)
    def draw(*args: P.args, **kwargs: P.kwargs) -> R:
        options = kwargs.get("options", DEFAULT_PLOT)
        assert isinstance(options, PlotOptions)
        with styled(options.style):
            if "ax" in takes and "fig" not in takes and "fig" in kwargs:
                figure: Any = kwargs.pop("fig")
                kwargs["ax"] = figure.add_subplot()
            if "fig" in takes and "ax" in kwargs:
                raise InputError(f"{function.__name__}: several panels are drawn, into a figure or a part of one: fig=")
            try:
                drawn = function(*args, **kwargs)
            except FormatError as error:
                if not (args and isinstance(args[0], Result)):
                    raise
                raise FormatError(f"{error}; what was given is a {type(args[0]).__name__}") from None
            if any(options.corners):
                figure = drawn
                _label(kwargs.get("ax") or figure.axes[0], options)
            return drawn

    return draw


def _label(axes: Any, options: PlotOptions) -> None:
    """Write what stands above the corners; a title goes above all."""
    title = axes.get_title()
    left, right = (
        axes.set_title(text, loc=side) for text, side in zip(options.corners, ("left", "right"), strict=True)
    )
    if title:
        axes.set_title("")
        axes.figure.suptitle(title, fontsize=_FONT_SIZE)
    if all(options.corners):
        axes.figure.canvas.figure.draw_without_rendering()  # only now it is known how wide the panel is
        if left.get_window_extent().x1 > right.get_window_extent().x0:
            left.set_text("\n".join(options.corners))
            right.set_text("")


def document(thing: Drawn) -> Mapping[str, Any]:
    """The JSON document of a result."""
    if isinstance(thing, Result):
        return thing.to_dict()
    if not isinstance(thing, Mapping):
        raise InputError(f"expected a result, or the JSON document of one, not {type(thing).__name__}")
    return thing


@cache
def _shown_figure() -> "type[Figure]":
    """The class of figures that a notebook shows by itself, as those of pyplot are."""
    from matplotlib.figure import Figure

    class ShownFigure(Figure):
        def _repr_png_(self) -> bytes:
            return picture(self, "figure.png")

    return ShownFigure


def new_figure(width: float, height: float, *, tight: bool = False, fig: "Figure | None" = None) -> "Figure":
    """An empty figure of a size in inches, or the one that is given; ``tight``: rows of panels without space."""
    if fig is not None:
        if fig.get_layout_engine() is None:
            fig.set_layout_engine("constrained")
        return fig
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = _shown_figure()(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    engine: Any = figure.get_layout_engine()
    engine.set(**({"h_pad": 0.015, "hspace": 0.0} if tight else {"h_pad": 0.05}))
    return figure


def new_axes(width: float, height: float, ax: "Axes | None" = None) -> tuple["Figure", "Axes"]:
    """A figure with one panel, or the panel that is given and its figure."""
    if ax is not None:
        given: Any = ax.figure
        return given, ax
    figure = new_figure(width, height)
    return figure, figure.add_subplot()


def finite(values: ArrayLike, *shape: int) -> Floats:
    """Numbers of a document as an array.

    Raises
    ------
    ValueError, TypeError
        They are no finite numbers, or not of this shape.
    """
    found = np.asarray(values)
    if found.dtype.kind not in "iuf" or found.shape != shape or not np.isfinite(found).all():
        raise ValueError("a list of numbers")
    return found.astype(np.float64)


def literal(text: str) -> str:
    """Text from a model as matplotlib must see it, to write a dollar as a dollar and nothing unseen."""
    return terminal(text).replace("$", r"\$")


def worded(text: str) -> str:
    """Text from a user as matplotlib must see it: formulas between dollars stay some, nothing is unseen."""
    return terminal_lines(text)


def shortened(text: str, longest: int = 48) -> str:
    """A name without its middle where it is too long to stand beside a picture."""
    return literal(naming.shortened(text, longest))


def shortened_all(names: Sequence[str], longest: int = 48) -> list[str]:
    """Names, each shortened as far as it still differs from the others."""
    return [literal(name) for name in naming.shortened_all(names, longest)]


def save(figure: "Figure", path: str | Path) -> None:
    """Write a figure; the ending of the path says how (png, pdf, svg).

    Parameters
    ----------
    figure
        what was drawn.
    path
        the file; it is replaced as a whole.

    Raises
    ------
    InputError
        No picture has that ending, or the file cannot be written.
    """
    write_files({Path(path): picture(figure, path)})


def picture(figure: "Figure", path: str | Path) -> bytes:
    """A figure as the content of a file, whose ending says how it is drawn.

    Parameters
    ----------
    figure
        what was drawn.
    path
        only its ending counts: png, pdf, svg.

    Returns
    -------
    bytes
        the content, always the same for the same figure.

    Raises
    ------
    InputError
        No picture has that ending.
    """
    ending = Path(path).suffix[1:].lower()
    if not ending:
        raise InputError(f"{path} has no ending that says how to draw; expected .png, .pdf or .svg")
    # dates would make the same picture another file every day
    undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(ending)
    drawn = BytesIO()
    try:
        with styled():
            figure.savefig(drawn, format=ending, dpi=200, metadata=undated)
    except ValueError as error:  # of text between dollars too, in several lines
        raise InputError(f"{path}: {' '.join(str(error).split())}") from None
    return _settled(drawn.getvalue()) if ending == "svg" else drawn.getvalue()


def _settled(svg: bytes) -> bytes:
    """An SVG without what differs with the last digit of what is laid out, of one figure drawn twice.

    Ids are numbers in place of hashes, and lengths have four of their six digits behind the point.
    """
    names: dict[bytes, bytes] = {}
    svg = _HASHED.sub(lambda found: names.setdefault(found[0], b"%s%d" % (found[1], len(names) + 1)), svg)
    return _SIX_DIGITS.sub(rb"\1", svg)


def inline_svg(figure: "Figure", name: str) -> str:
    """A figure as an element of a page of HTML, with its text as text and nothing from elsewhere.

    Parameters
    ----------
    name
        of the picture, which no other on the page has: its ids begin with it.
    """
    import matplotlib

    drawn = BytesIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    text: Any = {"svg.fonttype": "none", "svg.hashsalt": name}
    text |= {
        "font.sans-serif": ["DejaVu Sans"],
        "mathtext.fontset": "dejavusans",
    }  # wide: each reader has other letters
    with styled(), matplotlib.rc_context(text):
        figure.savefig(drawn, format="svg", metadata=nothing, facecolor="none")
    root = ElementTree.fromstring(_settled(drawn.getvalue()))
    used = {m[2] for e in root.iter() for value in e.attrib.values() if (m := _REFERENCE.search(value))}
    for element in root.iter():
        attributes = {_local(key): value for key, value in element.items() if key != "id" or value in used}
        element.tag = _local(element.tag)
        element.attrib.clear()
        for key, value in attributes.items():
            value = f"{name}-{value}" if key == "id" else _REFERENCE.sub(rf"\1{name}-\2", value)
            element.set(key, _DIGITS.sub(r"\1", value))
        element.tail = None
        if "\n" in (element.text or ""):  # that indents what follows
            element.text = None
    root.attrib |= {"role": "img", "aria-label": name}
    return ElementTree.tostring(root, encoding="unicode")


def _local(name: str) -> str:
    """The name of an element or an attribute of SVG, as HTML writes it."""
    return name.rpartition("}")[2]


def save_pages(figures: Sequence["Figure"], path: str | Path) -> list[Path]:
    """Write figures: all into one PDF, otherwise one file for each, after the first with a number before its ending.

    Parameters
    ----------
    figures
        one for each page.
    path
        the file, or the pattern of the files' names: ``pulls.png`` becomes ``pulls-1.png`` and so on.

    Returns
    -------
    list
        the files that were written.

    Raises
    ------
    InputError
        As :func:`save`; or there is nothing to draw.
    """
    target = Path(path)
    if not figures:
        raise InputError(f"{path}: there is nothing to draw")
    if len(figures) == 1:
        save(figures[0], target)
        return [target]
    if target.suffix.lower() == ".pdf":
        from matplotlib.backends.backend_pdf import PdfPages

        drawn = BytesIO()
        with styled(), PdfPages(drawn, metadata={"CreationDate": None}) as pages:
            for figure in figures:
                pages.savefig(figure)
        write_files({target: drawn.getvalue()})
        return [target]
    others = [target.with_name(f"{target.stem}-{k}{target.suffix}") for k in range(2, len(figures) + 1)]
    written = [target, *others]
    write_files({one: picture(figure, one) for figure, one in zip(figures, written, strict=True)})
    return written
