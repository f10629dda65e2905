"""The two textbook models: one channel, a signal and an uncertain background."""

from collections.abc import Sequence

from hftranslate.workspace import (
    Channel,
    HistoSys,
    Measurement,
    Modifier,
    NormFactor,
    Number,
    ParameterConfig,
    Sample,
    ShapeSys,
    Workspace,
)


def uncorrelated_background(
    signal: Sequence[Number],
    background: Sequence[Number],
    uncertainty: Sequence[Number],
    observed: Sequence[Number] | None = None,
) -> Workspace:
    """A background with an independent uncertainty in every bin (shapesys).

    Parameters
    ----------
    signal, background
        expected events per bin, ``(n_bins,)`` each.
    uncertainty
        absolute uncertainty of the background per bin, in events.
    observed
        observed events per bin; the background where not given.

    >>> ws = uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], [51, 48])
    >>> ws.channels[0].samples[1].modifiers
    (ShapeSys(name='uncorr_bkguncrt', data=(3.0, 7.0), relative=False, constraint='poisson'),)
    """
    return _one_channel(signal, background, ShapeSys(name="uncorr_bkguncrt", data=tuple(uncertainty)), observed)


def correlated_background(
    signal: Sequence[Number],
    background: Sequence[Number],
    background_up: Sequence[Number],
    background_down: Sequence[Number],
    observed: Sequence[Number] | None = None,
) -> Workspace:
    """A background whose bins move together (histosys).

    Parameters
    ----------
    signal, background
        expected events per bin, ``(n_bins,)`` each.
    background_up, background_down
        the background at +1 and -1 standard deviations.
    observed
        observed events per bin; the background where not given.
    """
    shape = HistoSys(name="correlated_bkg_uncertainty", lo_data=tuple(background_down), hi_data=tuple(background_up))
    return _one_channel(signal, background, shape, observed)


def _one_channel(
    signal: Sequence[Number], background: Sequence[Number], uncertainty: Modifier, observed: Sequence[Number] | None
) -> Workspace:
    samples = (
        Sample(name="signal", nominal=tuple(signal), modifiers=(NormFactor(name="mu"),)),
        Sample(name="background", nominal=tuple(background), modifiers=(uncertainty,)),
    )
    channel = Channel(
        name="singlechannel", samples=samples, observed=tuple(background if observed is None else observed)
    )
    poi = ParameterConfig(name="mu", inits=(1.0,), bounds=((0.0, 10.0),))
    measurement = Measurement(name="measurement", pois=("mu",), parameters=(poi,))
    return Workspace(channels=(channel,), measurements=(measurement,))
