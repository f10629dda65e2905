"""Whether a translation that was read back is, for us, the model that was translated, in one sentence."""

from hftranslate.difference.compare import Difference
from hftranslate.difference.report import point
from hftranslate.workspace import Workspace


def proven(original: Workspace, found: Difference) -> bool:
    """Whether the likelihoods of all measurements were compared and are the same, and their yields too.

    Parameters
    ----------
    original
        what was translated, the first workspace of the comparison.
    found
        the comparison.

    Returns
    -------
    bool
        ``False`` also where something could not be evaluated.
    """
    return len(found.likelihoods) == len(original.measurements) and all(
        found.same_likelihood(c) and c.yields is not None and c.yields <= found.tolerance for c in found.likelihoods
    )


def proof(original: Workspace, found: Difference, what: str) -> str:
    """The sentence that says so, or what is wrong.

    Parameters
    ----------
    original
        what was translated, the first workspace of the comparison.
    found
        their comparison.
    what
        what was read back, for the beginning of the sentence.

    Returns
    -------
    str
        a sentence for people.
    """
    if proven(original, found):
        n = sum(c.points for c in found.likelihoods)
        nll = max(c.nll or 0.0 for c in found.likelihoods)
        yields = max(c.yields or 0.0 for c in found.likelihoods)
        return (
            f"verified: {what}, read back, has the same likelihood as the input, both as hftranslate reads and "
            f"evaluates them: at {n} points of {len(found.likelihoods)} measurement(s) the NLL differs by at most "
            f"{nll:.2g} and the yields by {yields:.2g} (under {found.likelihoods[0].conventions} conventions; "
            "'--verify root' asks ROOT)"
        )
    missing = [m.name for m in original.measurements if m.name not in {c.measurement for c in found.likelihoods}]
    reasons = [f"measurement {name!r} is not there" for name in missing]
    for c in found.likelihoods:
        if c.nll is None or c.why:
            reasons.append(f"measurement {c.measurement!r}: {c.why}")
        elif not found.same_likelihood(c):
            reasons.append(f"measurement {c.measurement!r}: the NLL differs by {c.nll:.2g} at {point(c)}")
        elif c.yields is not None and c.yields > found.tolerance:
            reasons.append(f"measurement {c.measurement!r}: the yields differ by {c.yields:.2g}")
    return f"NOT verified: {what}, read back, is not the input: {'; '.join(reasons)}"
