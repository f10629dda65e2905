"""Two result documents compared rung by rung, so that no difference is blamed on the wrong thing.

The ladder: the model's description, yields, NLL, best fit, uncertainties, test statistic, CLs, limits. A difference on
a rung explains those above it: where yields differ, nobody needs to look at the minimiser.
"""

from hftranslate.crosscheck.causes import diagnose
from hftranslate.crosscheck.comparison import TOLERANCES, Rung
from hftranslate.crosscheck.document import Results
from hftranslate.crosscheck.ladder import climb
from hftranslate.crosscheck.report_text import Report
from hftranslate.errors import InputError
from hftranslate.workspace import Workspace

__all__ = ["TOLERANCES", "Report", "Rung", "crosscheck"]


def crosscheck(
    ours: Results, reference: Results, *, workspace: Workspace | None = None, beside: Results | None = None
) -> Report:
    """Compare two result documents, every number of the reference with ours.

    Ours should have been evaluated at the reference's points: ``results(workspace, like=reference)``. What only ours
    has is not looked at, except for parameters, channels and samples.

    Parameters
    ----------
    ours, reference
        two result documents: ours, and the one that judges it.
    workspace
        the model that our results are about: where a rung fails, known causes are looked for by evaluating it again.
    beside
        results of ours under other conventions, to be shown beside; they are not judged.

    Returns
    -------
    Report
        the verdict of each rung of the ladder, with every number that was compared and the causes of differences.

    Raises
    ------
    InputError
        These are no result documents.
    """
    if not (isinstance(ours, Results) and isinstance(reference, Results)):
        given = " and ".join(type(thing).__name__ for thing in (ours, reference))
        raise InputError(f"expected two result documents, not {given}; results(workspace, like=reference) makes one")
    diagnosis = None if workspace is None else diagnose(ours, reference, workspace)
    return Report(rungs=climb(ours, reference), ours=ours, reference=reference, diagnosis=diagnosis, beside=beside)
