"""What to cite: this software, and the two papers that say what it computes."""

from importlib.metadata import version

_VERSION = version("hftranslate")
CITATION = f"""\
@software{{hftranslate,
  author = {{{{The hftranslate developers}}}},
  title = {{hftranslate: v{_VERSION}}},
  version = {{{_VERSION}}},
  year = {{2026}}
}}

@techreport{{HistFactory,
  author = {{Kyle Cranmer and George Lewis and Lorenzo Moneta and Akira Shibata and Wouter Verkerke}},
  title = {{HistFactory: A tool for creating statistical models for use with RooFit and RooStats}},
  number = {{CERN-OPEN-2012-016}},
  url = {{https://cds.cern.ch/record/1456844}},
  year = {{2012}}
}}

@article{{asymptotic_formulae,
  author = {{Glen Cowan and Kyle Cranmer and Eilam Gross and Ofer Vitells}},
  title = {{Asymptotic formulae for likelihood-based tests of new physics}},
  doi = {{10.1140/epjc/s10052-011-1554-0}},
  eprint = {{1007.1727}},
  journal = {{Eur. Phys. J. C}},
  volume = {{71}},
  pages = {{1554}},
  year = {{2011}}
}}
"""
