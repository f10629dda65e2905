"""The two textbook models: one channel, a signal and an uncertain background.

Numbers for bins are in lists, arrays or histograms.
"""

from hftranslate.workspace import (
    Channel,
    HistoSys,
    Measurement,
    Modifier,
    NormFactor,
    ParameterConfig,
    Sample,
    ShapeSys,
    Workspace,
)
from hftranslate.workspace.arrays import Bins


def uncorrelated_background(
    signal: Bins,
    background: Bins,
    uncertainty: Bins,
    observed: Bins = None,
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
    (ShapeSys(name='uncorr_bkguncrt', data=(3.0, 7.0), relative=False, constraint='poisson', stem='', further=()),)
    """
    return _one_channel(signal, background, ShapeSys(name="uncorr_bkguncrt", data=uncertainty), observed)


#: The name that pyhf had for it until 0.6.
hepdata_like = uncorrelated_background


def correlated_background(
    signal: Bins,
    background: Bins,
    background_up: Bins,
    background_down: Bins,
    observed: Bins = None,
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
    shape = HistoSys(name="correlated_bkg_uncertainty", lo_data=background_down, hi_data=background_up)
    return _one_channel(signal, background, shape, observed)


def _one_channel(signal: Bins, background: Bins, uncertainty: Modifier, observed: Bins) -> Workspace:
    samples = (
        Sample(name="signal", nominal=signal, modifiers=(NormFactor(name="mu"),)),
        Sample(name="background", nominal=background, modifiers=(uncertainty,)),
    )
    channel = Channel(name="singlechannel", samples=samples, observed=background if observed is None else observed)
    poi = ParameterConfig(name="mu", inits=(1.0,), bounds=((0.0, 10.0),))
    measurement = Measurement(name="measurement", pois=("mu",), parameters=(poi,))
    return Workspace(channels=(channel,), measurements=(measurement,))
