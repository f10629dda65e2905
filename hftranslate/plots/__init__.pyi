from hftranslate.plots.contour import ContourOptions, contour
from hftranslate.plots.curves import interpolation
from hftranslate.plots.distributions import toys
from hftranslate.plots.figures import STYLES, PlotOptions, picture, save, save_pages
from hftranslate.plots.fitted import PullOptions, correlations, pull_pages, pulls
from hftranslate.plots.limits import brazil, limit_band
from hftranslate.plots.limits import brazil as limit
from hftranslate.plots.profiles import scan
from hftranslate.plots.ranking import impacts
from hftranslate.plots.stacks import StackOptions, pages, yields
from hftranslate.plots.templates import template_pages, templates

__all__ = [
    "STYLES",
    "ContourOptions",
    "PlotOptions",
    "PullOptions",
    "StackOptions",
    "brazil",
    "contour",
    "correlations",
    "impacts",
    "interpolation",
    "limit",
    "limit_band",
    "pages",
    "picture",
    "pull_pages",
    "pulls",
    "save",
    "save_pages",
    "scan",
    "template_pages",
    "templates",
    "toys",
    "yields",
]
