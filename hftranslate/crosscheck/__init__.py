"""What engines say about a model, compared rung by rung: yields, NLL, best fit, test statistic, CLs.

:func:`results` is what we say, :func:`read_results` reads what another engine said (ROOT's stored references, or
:func:`root_results` of the ROOT that is installed), :func:`crosscheck` compares the two and names the cause of what
differs, :func:`report_html` shows it. :func:`read_cases` has the stored cases.
"""

from hftranslate.faces import open_face

__getattr__, __dir__, __all__ = open_face(__name__)
