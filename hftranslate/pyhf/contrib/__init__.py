"""What is beside pyhf's core: pictures (``viz.brazil``) and downloads of published likelihoods (``utils``)."""

from hftranslate.pyhf.contrib import utils, viz

__all__ = ["utils", "viz"]
