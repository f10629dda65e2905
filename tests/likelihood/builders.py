"""Small workspaces for tests."""

from hftranslate.likelihood.compile import compile_model
from hftranslate.workspace import (
    PYHF,
    Channel,
    Measurement,
    NormFactor,
    ParameterConfig,
    Sample,
    ShapeSys,
    Workspace,
)


def channel(name, observed, *samples):
    """A channel from ``(sample name, nominal, *modifiers)``."""
    return Channel(
        name=name,
        observed=None if observed is None else tuple(observed),
        samples=tuple(Sample(name=n, nominal=tuple(y), modifiers=tuple(m)) for n, y, *m in samples),
    )


def workspace(*channels, poi="mu", parameters=(), terms=(), conventions=PYHF, functions=()):
    measurement = Measurement(
        name="m", pois=(poi,) if poi else (), parameters=tuple(parameters), constraint_terms=tuple(terms)
    )
    return Workspace(
        channels=tuple(channels), measurements=(measurement,), conventions=conventions, functions=tuple(functions)
    )


def config(name, **settings):
    return ParameterConfig(name=name, **settings)


def counting(n, s=1.0, b=3.0, *modifiers, bounds=((0.0, 10.0),), conventions=PYHF):
    """One bin: ``mu * s + b`` with modifiers on the background."""
    space = workspace(
        channel("SR", [n], ("signal", [s], NormFactor(name="mu")), ("background", [b], *modifiers)),
        parameters=[config("mu", bounds=bounds)],
        conventions=conventions,
    )
    return compile_model(space)


def hello_world(signal=(12.0, 11.0)):
    """The two-bin model of pyhf's introduction."""
    return compile_model(
        workspace(
            channel(
                "singlechannel",
                [51.0, 48.0],
                ("signal", signal, NormFactor(name="mu")),
                ("background", [50.0, 52.0], ShapeSys(name="uncorr_bkguncrt", data=(3.0, 7.0))),
            )
        )
    )
