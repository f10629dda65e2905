"""Synthetic models of any size, for measuring how time and memory grow."""

import numpy as np

from hftranslate.workspace import (
    Channel,
    HistoSys,
    Lumi,
    Measurement,
    Modifier,
    NormFactor,
    NormSys,
    ParameterConfig,
    Sample,
    StatError,
    Workspace,
)


def synthetic_workspace(
    n_channels: int,
    n_bins: int,
    n_samples: int,
    n_nuisances: int,
    *,
    density: float = 0.05,
    staterrors: bool = False,
    seed: int = 1,
) -> Workspace:
    """A search with falling spectra: a signal peak on backgrounds that share systematic uncertainties.

    Parameters
    ----------
    n_channels, n_bins, n_samples
        numbers of channels, of bins of each, and of samples in each (the first is the signal).
    n_nuisances
        number of systematic uncertainties; half of them change shapes (HistoSys), half scale samples (NormSys).
    density
        fraction of the samples that each of them touches.
    staterrors
        whether each bin has a factor for the statistical uncertainty of the simulation.
    """
    rng = np.random.default_rng(seed)
    channels = []
    for c in range(n_channels):
        x = (np.arange(n_bins) + 0.5) / n_bins
        samples = []
        total = np.zeros(n_bins)
        for s in range(n_samples):
            peak = np.exp(-0.5 * ((x - 0.6) / 0.1) ** 2)
            nominal = 20.0 * peak if s == 0 else rng.uniform(50.0, 500.0) * np.exp(-rng.uniform(1.0, 4.0) * x) + 5.0
            total += nominal
            modifiers: list[Modifier] = [Lumi()]
            if s == 0:
                modifiers.append(NormFactor(name="mu"))
            for k in np.flatnonzero(rng.uniform(size=n_nuisances) < density):
                if k % 2:
                    modifiers.append(
                        NormSys(name=f"norm_{k}", lo=1.0 - rng.uniform(0, 0.1), hi=1.0 + rng.uniform(0, 0.1))
                    )
                else:
                    up, down = rng.uniform(-0.1, 0.1, 2)
                    modifiers.append(
                        HistoSys(
                            name=f"shape_{k}",
                            lo_data=tuple((nominal * (1.0 - down * x)).tolist()),
                            hi_data=tuple((nominal * (1.0 + up * x)).tolist()),
                        )
                    )
            if staterrors and s > 0:
                modifiers.append(StatError(name=f"staterror_c{c}", data=tuple((0.02 * nominal).tolist())))
            samples.append(Sample(name=f"s{s}", nominal=tuple(nominal.tolist()), modifiers=tuple(modifiers)))
        observed = tuple(rng.poisson(total).tolist())
        channels.append(Channel(name=f"c{c}", samples=tuple(samples), observed=observed))
    lumi = ParameterConfig(name="lumi", auxdata=(1.0,), sigmas=(0.02,), inits=(1.0,), bounds=((0.8, 1.2),))
    return Workspace(
        channels=tuple(channels), measurements=(Measurement(name="growth", pois=("mu",), parameters=(lumi,)),)
    )
