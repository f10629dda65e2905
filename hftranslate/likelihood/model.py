r"""The compiled likelihood: rates, negative log-likelihood, gradient and Hessian on flat read-only arrays.

The whole of HistFactory (CERN-OPEN-2012-016, Eqs. 2-5) in one picture. A *cell* is one bin of one sample:

    nu_cell = (n + sum_p shift_p(alpha_p)) * prod_p factor_p(alpha_p) * prod_q theta_q,      nu_bin = sum of its cells

with the additive shifts of HistoSys, the factors of NormSys, and the parameters theta_q that scale the cell directly
(luminosity, norm factors, factors per bin). The negative log-likelihood of the observed events n_b is

    NLL(theta) = sum_b [nu_b - n_b ln nu_b + ln Gamma(n_b + 1)] + constraint terms.

The *domain* is where every bin has nu_b > 0, or nu_b = 0 without observed events; outside, ``logpdf`` is -inf.
"""

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hftranslate.display.speaking import Speaking, Table
from hftranslate.errors import InputError, MissingInput, did_you_mean
from hftranslate.likelihood import poisson
from hftranslate.likelihood.cells import Cells, State
from hftranslate.likelihood.constraints import Constraints, Floats
from hftranslate.likelihood.derived import Derived
from hftranslate.likelihood.many import Slopes
from hftranslate.likelihood.second_order import jacobian, products_of_slopes, second_order
from hftranslate.likelihood.sizes import unwarned
from hftranslate.records import record
from hftranslate.workspace import Conventions, Numbers
from hftranslate.workspace.arrays import Bins, contents

if TYPE_CHECKING:
    import awkward as ak

#: What takes the place of yields that are not positive; as an array it is compared with in half the time of a float.
_TINY = np.array(np.finfo(np.float64).tiny)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Parameters:
    """The parameters of a model; every vector of parameter values is in this order.

    Attributes
    ----------
    names, root_names
        pyhf's and ROOT's name of each parameter.
    sets
        the name of the parameter set that each belongs to: another one than its own for factors of single bins.
    init, bounds, fixed
        initial values ``(n,)``, ranges ``(n, 2)`` and constant flags ``(n,)``.
    width
        prior uncertainty of each parameter: the width of its constraint, 0 for free parameters.
    poi_names
        the parameters of interest that the measurement names, whether the model uses them or not.
    """

    names: tuple[str, ...]
    root_names: tuple[str, ...]
    sets: tuple[str, ...]
    init: Floats
    bounds: Floats
    fixed: NDArray[np.bool_]
    width: Floats
    poi_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    def index(self, name: str) -> int:
        """Position of a parameter, by pyhf's or ROOT's name.

        Raises
        ------
        MissingInput
            There is none; the message names the nearest one.
        """
        for names in (self.names, self.root_names):
            if name in names:
                return names.index(name)
        raise MissingInput(f"no parameter {name!r}" + did_you_mean(name, self.names))

    @property
    def poi_index(self) -> int:
        """Position of the (first) parameter of interest.

        Raises
        ------
        MissingInput
            The measurement names none, or one that no modifier uses.
        """
        if not self.poi_names:
            raise MissingInput("the measurement names no parameter of interest")
        poi = self.poi_names[0]
        if poi not in self.names:
            what = f"the parameter of interest {poi!r} is used by no modifier"
            if any(name.startswith(f"{poi}[") for name in self.names):
                raise MissingInput(f"{what} of a single parameter, but by one with a factor for each bin")
            raise MissingInput(
                f"{what}; if this is a background-only workspace, its signal comes with a patch (--patch)"
                + did_you_mean(poi, self.names, alike=0.8)
            )
        return self.names.index(poi)

    def vector(self, **values: float) -> Floats:
        """The initial values with some of them replaced, by name."""
        theta = self.init.copy()
        for name, value in values.items():
            theta[self.index(name)] = value
        return theta


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Data(Speaking):
    """Observed events ``(n_bins,)`` and auxiliary data ``(n_aux,)``, with the NLL of their saturated model."""

    observed: Floats
    auxdata: Floats
    saturated_nll: float

    def to_dict(self) -> dict[str, Any]:
        """``observed`` and ``auxdata`` as lists."""
        return {"observed": self.observed.tolist(), "auxdata": self.auxdata.tolist()}

    def tables(self) -> tuple[Table, ...]:
        """The events of each bin."""
        caption = f"{np.sum(self.observed):.6g} events in {len(self.observed)} bins, {len(self.auxdata)} auxiliary data"
        return (Table(caption=caption, columns=("bin", "observed"), rows=list(enumerate(self.observed.tolist()))),)


@record
class Linearised:
    """First derivatives at many points, from which gradients and the convex part of Hessians are made.

    Attributes
    ----------
    value, gradient
        of the NLL above that of the saturated model, ``(n_points,)`` and ``(n_points, n_parameters)``.
    rates, jacobian
        expected events ``(n_points, n_bins)`` and their derivatives ``(n_points, n_bins, n_parameters)``.
    constraints, bends
        the diagonal of the Hessian without ``J^T diag(n / nu^2) J``: second derivatives of the constraints, and of the
        yields by each parameter alone, ``(n_points, n_parameters)``.
    """

    value: Floats
    gradient: Floats
    rates: Floats
    jacobian: Floats
    constraints: Floats
    bends: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Model(Speaking):
    """A likelihood. All arrays are read-only; all methods are pure functions of their arguments.

    Attributes
    ----------
    parameters
        names, initial values, ranges and constants; the order of every parameter vector.
    channels
        ``(name, number of bins)`` in the order of the bins of every rate vector.
    samples
        names of the samples of each channel.
    edges
        bin edges of each channel's axes; ``None`` where they are not known.
    conventions
        how ROOT's and pyhf's differences were settled.
    """

    parameters: Parameters
    channels: tuple[tuple[str, int], ...]
    samples: tuple[tuple[str, ...], ...]
    edges: tuple[tuple[Numbers, ...] | None, ...]
    conventions: Conventions
    cells: Cells
    derived: Derived
    constraints: Constraints
    n_aux: int

    def headline(self) -> str:
        """What it is in a line."""
        from hftranslate.likelihood.tables import headline_of

        return headline_of(self)

    def tables(self) -> tuple[Table, ...]:
        """Channels with their samples, and parameters with their settings."""
        from hftranslate.likelihood.tables import tables_of

        return tables_of(self)

    def to_dict(self) -> dict[str, Any]:
        """Channels with their events at the initial values, parameters with their settings; ``None`` is no end."""
        from hftranslate.likelihood.tables import document_of

        return document_of(self)

    # ---------------------------------------------------------------------------------------------------------- data
    def data(self, observed: Bins, auxdata: ArrayLike) -> Data:
        """A data set for this model from events ``(n_bins,)`` and global observables ``(n_aux,)``."""
        n, x = _frozen(contents(observed)), _frozen(auxdata)
        if n.shape != (self.cells.n_bins,) or x.shape != (self.n_aux,):
            raise InputError(
                f"data of shapes {n.shape} and {x.shape} for a model with {self.cells.n_bins} bins and {self.n_aux} "
                "auxiliary measurements"
            )
        if not np.isfinite(x).all():
            raise InputError(f"auxiliary measurement {np.flatnonzero(~np.isfinite(x))[0]} is no finite number")
        if not (n.min(initial=0.0) >= 0.0 and n.max(initial=0.0) < np.inf):
            bad = int(np.flatnonzero(~(n >= 0.0) | np.isinf(n))[0])
            raise InputError(
                f"observed events are {n[bad]} in {self.place(bad)}; expected a finite number, not negative"
            )
        saturated = float(np.sum(poisson.saturated(n))) + self.constraints.saturated(x)
        return Data(observed=n, auxdata=x, saturated_nll=saturated)

    def place(self, index: int) -> str:
        """In which channel a bin of all is, and which of its bins it is, in words."""
        for name, n_bins in self.channels:
            if index < n_bins:
                return f"channel {name!r}, bin {index}"
            index -= n_bins
        raise InputError(f"there is no such bin: {index} beyond the last")

    def expected_data(self, theta: ArrayLike) -> Data:
        """The Asimov data set of a parameter point: every observable at its expectation."""
        t = self._vector(theta)
        return self.data(self.state(t).bins, self.constraints.expected(t, self.n_aux))

    def sample(self, theta: ArrayLike, n_toys: int, rng: "np.random.Generator") -> tuple[Floats, Floats]:
        """Pseudo-experiments: events ``(n_toys, n_bins)`` and global observables ``(n_toys, n_aux)`` at a point.

        Raises
        ------
        InputError
            A bin has a negative expectation there.
        """
        t = self._vector(theta)
        bins = self.state(t).bins
        if bins.min() < 0.0:
            raise InputError(f"bin {int(np.argmin(bins))} has a negative expectation ({bins.min():g}): no toys there")
        return poisson.sample(bins, n_toys, rng), self.constraints.sample(t, self.n_aux, n_toys, rng)

    # --------------------------------------------------------------------------------------------------------- rates
    def rates(self, theta: ArrayLike) -> Floats:
        """Expected events ``(n_bins,)``."""
        return self.state(self._vector(theta)).bins

    def state(self, theta: Floats) -> State:
        """The expectation with all intermediate results, at a vector ``(n_parameters,)``."""
        return self.cells.evaluate(self.derived.extend(theta))

    def _state(self, theta: Floats, order: int) -> State:
        """:meth:`state` with derivatives up to an order, for who is :func:`unwarned`."""
        return self.cells.evaluated(self.derived.extend(theta), order)

    @property
    def systematics(self) -> NDArray[np.bool_]:
        """Which parameters move yields as HistoSys or NormSys do, ``(n_parameters,)``."""
        return self.derived.behind(np.concatenate((self.cells.additive.parameter, self.cells.multiplicative.parameter)))

    @property
    def bends(self) -> NDArray[np.int64]:
        """Indices of the parameters at whose value of zero the NLL has a kink, by their interpolation code."""
        found = self.cells.bends()
        return found[found < len(self.parameters)]

    def distance_to_clip(self, theta: Floats) -> Floats:
        """How far the additive part of each cell that may be clipped is from zero, in events."""
        return self.cells.distance_to_clip(self.derived.extend(theta))

    @unwarned
    def jacobian(self, theta: ArrayLike) -> Floats:
        """Derivatives of the rates, ``(n_bins, n_parameters)``."""
        t = self._vector(theta)
        return self.derived.rows(t, jacobian(self.cells, self._state(t, 1)))

    def sample_rates(self, theta: ArrayLike) -> "ak.Array":
        """Expected events per channel, sample and bin, ragged as the channels are."""
        import awkward as ak  # takes a third of a second, and few commands need it

        return ak.Array([block.tolist() for block in self.blocks(self.state(self._vector(theta)).nu)])

    def blocks(self, cells: Floats) -> list[Floats]:
        """Numbers of all cells ``(n_cells,)`` by channel, sample and bin: ``(n_samples, n_bins)`` for each channel."""
        shapes = [(n, len(samples)) for (_, n), samples in zip(self.channels, self.samples, strict=True)]
        parts = np.split(cells, np.cumsum([n * m for n, m in shapes])[:-1])
        return [part.reshape(shape).T for part, shape in zip(parts, shapes, strict=True)]

    # ---------------------------------------------------------------------------------------------------- likelihood
    def logpdf(self, theta: ArrayLike, data: Data) -> float:
        """The full log density of observed and auxiliary data, constants included; -inf outside the domain."""
        return -self.nll(theta, data)

    def nll(self, theta: ArrayLike, data: Data) -> float:
        """The negative log-likelihood, constants included; infinite outside the domain."""
        return self.excess_nll(theta, data) + data.saturated_nll

    @unwarned
    def excess_nll(self, theta: ArrayLike, data: Data) -> float:
        """The NLL above that of the saturated model: the same function without its large constant."""
        t = self._vector(theta)
        return self.excess_of(self._state(t, 0), self.constraints.expanded(t, data.auxdata, 0)[0], data)

    def excess_of_many(self, thetas: Floats, data: Data) -> Floats:
        """:meth:`excess_nll` of many parameter points ``(n_points, n_parameters)``, ``(n_points,)``."""
        n = self.cells.at_once
        chunks = (thetas[i : i + n] for i in range(0, len(thetas), n))
        return np.concatenate([np.zeros(0), *(self.excess_at(t, self.rates_of_many(t), data) for t in chunks)])

    @unwarned
    def rates_of_many(self, thetas: Floats) -> Floats:
        """:meth:`rates` of many parameter points ``(n_points, n_parameters)``, ``(n_points, n_bins)``."""
        return self.cells.evaluate_many(self.derived.extend(thetas))

    @unwarned
    def excess_of_pairs(self, thetas: Floats, observed: Floats, auxdata: Floats) -> Floats:
        """:meth:`excess_nll` of many parameter points, each with data of its own."""
        return self.excess_of_rates(thetas, np.ascontiguousarray(self.rates_of_many(thetas)), observed, auxdata)

    def excess_at(self, thetas: Floats, nu: Floats, data: Data) -> Floats:
        """:meth:`excess_of_many` where the rates there are known."""
        return self.excess_of_rates(thetas, nu, data.observed, data.auxdata)

    @unwarned
    def excess_of_rates(self, thetas: Floats, nu: Floats, n: Floats, auxdata: Floats) -> Floats:
        """:meth:`excess_of_pairs` where the rates ``nu (n_points, n_bins)`` are known, or thought to be."""
        return excess_of_bins(nu, n) + self.constraints.excess_of_many(thetas, auxdata)

    @unwarned
    def linearised(
        self,
        thetas: Floats,
        observed: Floats,
        auxdata: Floats,
        places: Slopes | None = None,
        room: Floats | None = None,
    ) -> "Linearised":
        """:meth:`excess_nll` and first derivatives at many points, each with data of its own or all with the same.

        Parameters
        ----------
        thetas, observed, auxdata
            ``(n_points, n_parameters)``, and data ``(n_points, n)`` or ``(n,)``.
        places, room
            those of the cells, and memory for the Jacobians (:meth:`Slopes.at`), for who asks more than once.
        """
        state = self.cells.evaluate(np.ascontiguousarray(self.derived.extend(thetas).T))
        rates = np.ascontiguousarray(state.bins.T)
        weights = 1.0 - observed / np.maximum(rates, 1e-9)
        by_cells = (places or Slopes.of(self.cells)).at(state, weights.T, room)
        jacobian, bends = self.derived.of_many(thetas, *by_cells)
        constraints, first, diagonal = self.constraints.expanded(thetas, auxdata, 2)
        return Linearised(
            value=excess_of_bins(rates, observed) + constraints,
            gradient=(weights[:, None, :] @ jacobian)[:, 0] + first,
            rates=rates,
            jacobian=jacobian,
            constraints=diagonal,
            bends=bends,
        )

    def nll_and_gradient(self, theta: ArrayLike, data: Data) -> tuple[float, Floats]:
        """NLL and its exact gradient ``(n_parameters,)``.

        At a kink (interpolation code 0 or 1 at zero, a bin at ROOT's clip) the gradient is the one from the right,
        respectively the one of the clipped side. Outside the domain the gradient is NaN.
        """
        value, gradient = self.excess_and_gradient(theta, data)
        return value + data.saturated_nll, gradient

    @unwarned
    def excess_and_gradient(self, theta: ArrayLike, data: Data) -> tuple[float, Floats]:
        """:meth:`excess_nll` and its gradient."""
        t = self._vector(theta)
        state = self._state(t, 1)
        constraints, slopes = self.constraints.expanded(t, data.auxdata, 1)
        value = self.excess_of(state, constraints, data)
        if value == np.inf:
            return value, np.full(len(t), np.nan)
        gradient = self.derived.rows(t, self.cells.pull_back(state, self.slopes_by_bin(state, data)))
        return value, gradient + slopes

    def hessian(self, theta: ArrayLike, data: Data) -> Floats:
        """Exact second derivatives of the NLL, ``(n_parameters, n_parameters)``; NaN outside the domain."""
        return self.expansion(theta, data)[2]

    @unwarned
    def expansion(self, theta: ArrayLike, data: Data) -> tuple[float, Floats, Floats]:
        """:meth:`excess_nll`, gradient and Hessian from one evaluation."""
        t = self._vector(theta)
        n = len(t)
        state = self._state(t, 2)
        constraints, *terms = self.constraints.expanded(t, data.auxdata, 2)
        value = self.excess_of(state, constraints, data)
        if value == np.inf:
            return value, np.full(n, np.nan), np.full((n, n), np.nan)
        return value, *self._derivatives(t, state, data, *terms)

    def derivatives(self, theta: Floats, state: State, data: Data) -> tuple[Floats, Floats]:
        """Gradient and Hessian from intermediate results, in which the derivative of the clip may be another one."""
        return self._derivatives(theta, state, data, *self.constraints.derivatives(theta, data.auxdata))

    def _derivatives(
        self, theta: Floats, state: State, data: Data, first: Floats, diagonal: Floats
    ) -> tuple[Floats, Floats]:
        """:meth:`derivatives` where those of the constraints are known."""
        nu = np.maximum(state.bins, 1e-150)  # in the domain a yield of zero has no observed events
        curvature = data.observed / nu / nu
        slopes, second = second_order(self.cells, state, self.slopes_by_bin(state, data), curvature)
        hessian = self.derived.hessian(theta, slopes, second)
        hessian[np.diag_indices(len(theta))] += diagonal
        return self.derived.rows(theta, slopes) + first, hessian

    @unwarned
    def convex_hessian(self, theta: ArrayLike, data: Data) -> Floats:
        """An approximation of the Hessian without negative eigenvalues, ``(n_parameters, n_parameters)``.

        The outer products of the slopes of the yields, weighted as they are expected to be (Fisher's information), and
        the positive curvatures of the constraints.
        """
        t = self._vector(theta)
        state = self._state(t, 1)
        information = np.where(state.bins > 0.0, 1.0 / state.bins, 0.0)
        matrix = self.derived.products(t, products_of_slopes(self.cells, state, information))
        diagonal = self.constraints.derivatives(t, data.auxdata)[1]
        matrix[np.diag_indices(len(t))] += np.maximum(diagonal, 0.0)
        return matrix

    def slopes_by_bin(self, state: State, data: Data) -> Floats:
        """``d NLL / d nu_bin = (nu - n) / nu``."""
        nu = np.maximum(state.bins, _TINY)
        return (nu - data.observed) / nu

    def excess_of(self, state: State, constraints: float | Floats, data: Data) -> float:
        """:meth:`excess_nll` where the yields and the constraint terms are known."""
        nu, n = state.bins, data.observed
        total = float(np.add.reduce(poisson.terms(nu, n, nu - n)) + constraints)
        return total if isfinite(total) else np.inf  # outside the domain, or the range of numbers

    def _vector(self, theta: ArrayLike) -> Floats:
        if isinstance(theta, Data):
            raise InputError("expected parameters and data, in this order, not data first")
        t = np.asarray(theta, dtype=np.float64)
        if t.shape != (len(self.parameters),):
            raise InputError(f"parameter vector of shape {t.shape} for {len(self.parameters)} parameters")
        return t


@unwarned
def excess_of_bins(nu: Floats, n: Floats) -> Floats:
    """The Poisson terms of rates ``(n_points, n_bins)`` above their saturated value, infinite outside the domain."""
    inside = np.all((nu > 0.0) | ((nu == 0.0) & (n == 0.0)), axis=1)
    return np.where(inside, np.sum(poisson.terms(nu, n, nu - n), axis=1), np.inf)


def check_model_and_data(model: object, data: object) -> None:
    """Refuse what is no model with its data, as when arguments come in another order.

    Raises
    ------
    InputError
        The one is no model, the other no data, or they do not belong together.
    """
    if not (isinstance(model, Model) and isinstance(data, Data)):
        given = " and ".join(type(thing).__name__ for thing in (model, data))
        raise InputError(
            f"expected a model and its data as the first two arguments, in this order, not {given}; "
            "compile_model(workspace) gives both"
        )
    if len(data.observed) != model.cells.n_bins or len(data.auxdata) != model.n_aux:
        raise InputError(
            f"the data are of another model: they have {len(data.observed)} bins and {len(data.auxdata)} auxiliary "
            f"data, and the model {model.cells.n_bins} and {model.n_aux}"
        )


def _frozen(values: ArrayLike) -> Floats:
    array = np.array(values, dtype=np.float64)
    array.flags.writeable = False
    return array
