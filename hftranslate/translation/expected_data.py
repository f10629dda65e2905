"""Expected events in place of observed ones that the input does not have."""

from dataclasses import replace

from hftranslate.formats.outcomes import Outcome
from hftranslate.likelihood.compile import compile_model
from hftranslate.workspace import Workspace

#: Key of the annotation of a channel whose data are expected, not observed.
EXPECTED = "Asimov data"


def with_expected_data(workspace: Workspace) -> tuple[Workspace, tuple[Outcome, ...]]:
    """The workspace with the nominal expectation where a channel has no observed data, as in ROOT's ``asimovData``.

    That is the expectation at the initial values of all parameters, settings of the measurement included. Where there
    are several measurements, the first one counts.

    Parameters
    ----------
    workspace
        the model.

    Returns
    -------
    Workspace, tuple of Outcome
        every channel of it has data; and which of them got theirs here.

    Raises
    ------
    InputError
        The model cannot be evaluated.
    """
    if all(c.observed is not None for c in workspace.channels):
        return workspace, ()
    measurement = workspace.measurements[0]
    blank = tuple(replace(c, observed=c.observed or (0.0,) * c.n_bins) for c in workspace.channels)
    model, _ = compile_model(replace(workspace, channels=blank), measurement.name)
    rates = model.rates(model.parameters.init).tolist()
    note = f"nominal expectation of measurement {measurement.name!r}"
    channels, outcomes, start = [], [], 0
    for channel in workspace.channels:
        expected = tuple(rates[start : start + channel.n_bins])
        start += channel.n_bins
        if channel.observed is None:
            annotations = (*channel.annotations, (EXPECTED, note))
            channel = replace(channel, observed=expected, annotations=annotations)
            what = f"no observed data: the {note}, ROOT's asimovData, takes their place"
            outcomes.append(Outcome(kind="default", where=f"channel {channel.name!r}", what=what))
        channels.append(channel)
    return replace(workspace, channels=tuple(channels)), tuple(outcomes)
