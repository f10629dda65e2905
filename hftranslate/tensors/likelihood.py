"""A model's likelihood as pure functions of arrays of JAX or PyTorch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hftranslate.errors import InputError
from hftranslate.inference.asymptotics import OneSided
from hftranslate.likelihood.model import Data, Model
from hftranslate.tensors.formulas import Formulas
from hftranslate.tensors.namespaces import Array, Namespace, jax_namespace, torch_namespace
from hftranslate.tensors.templates import templates_of

if TYPE_CHECKING:
    from hftranslate.tensors.density import Density

Arrays = Mapping[str, Array]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TensorLikelihood:
    """A likelihood; its methods are pure functions, which the library differentiates, compiles and maps.

    Attributes
    ----------
    model
        the engine's model, which says what the parameters are.
    templates
        the model's own templates, by key (:mod:`hftranslate.tensors.templates`).
    formulas
        the structure of the model.
    """

    model: Model
    templates: dict[str, Array]
    formulas: Formulas

    def data(self, data: Data) -> dict[str, Array]:
        """Events ``observed (n_bins,)`` and global observables ``auxdata (n_aux,)`` of a data set, as arrays."""
        floats = self.formulas.library.floats
        return {"observed": floats(data.observed), "auxdata": floats(data.auxdata)}

    def rates(self, theta: Array, templates: Arrays) -> Array:
        """Expected events ``(n_bins,)`` at parameters ``(n_parameters,)``."""
        return self.formulas.rates(theta, templates)

    def logpdf(self, theta: Array, templates: Arrays, data: Arrays) -> Array:
        """The full log density of observed and auxiliary data, constants included; -inf outside the domain."""
        f = self.formulas
        return -(f.excess(theta, templates, data) + f.saturated(templates, data))

    def excess_nll(self, theta: Array, templates: Arrays, data: Arrays) -> Array:
        """The negative log-likelihood above that of the saturated model: without its large constant."""
        return self.formulas.excess(theta, templates, data)

    def expected_data(self, theta: Array, templates: Arrays) -> dict[str, Array]:
        """The Asimov data of a parameter point: every observable at its expectation."""
        return self.formulas.expected_data(theta, templates)

    def best_fit(self, templates: Arrays, data: Arrays, *, fixed: Mapping[str, float] | None = None) -> Array:
        """The best-fit parameters ``(n_parameters,)`` as a function of templates and data.

        Parameters
        ----------
        fixed
            parameters to hold at a value, by name, besides those that the model holds constant.

        Raises
        ------
        FitFailed
            The fit reached no minimum.
        """
        from hftranslate.tensors.implicit import best_fit

        return best_fit(self, templates, data, fixed or {})

    def q(self, poi_test: Array, templates: Arrays, data: Arrays, *, test_stat: OneSided = "qtilde") -> Array:
        """The test statistic of a value of the parameter of interest, as :func:`hftranslate.hypotest` has it."""
        from hftranslate.tensors.implicit import statistics

        return statistics(self, poi_test, templates, data, test_stat)[0]

    def cls(self, poi_test: Array, templates: Arrays, data: Arrays, *, test_stat: OneSided = "qtilde") -> Array:
        """Asymptotic CLs ``(6,)``: observed, and expected at -2 ... +2 standard deviations."""
        from hftranslate.tensors.implicit import cls

        return cls(self, poi_test, templates, data, test_stat)

    def upper_limit(
        self, templates: Arrays, data: Arrays, level: float = 0.05, *, test_stat: OneSided = "qtilde"
    ) -> Array:
        """Upper limits ``(6,)`` on the parameter of interest: observed, and expected at -2 ... +2 standard deviations.

        NaN for a limit that does not exist.
        """
        from hftranslate.tensors.implicit import upper_limit

        return upper_limit(self, templates, data, level, test_stat)

    def density(
        self,
        data: Arrays,
        templates: Arrays | None = None,
        *,
        priors: Mapping[str, Callable[[Array], Array]] | None = None,
    ) -> "Density":
        """The posterior as a log density over all of R^n, for samplers (:mod:`hftranslate.tensors.density`)."""
        from hftranslate.tensors.density import Density

        return Density.of(self, data, self.templates if templates is None else templates, priors or {})


def to_jax(model: Model) -> TensorLikelihood:
    """A model as pure functions of JAX.

    Parameters
    ----------
    model
        of :func:`~hftranslate.compile_model`.

    Returns
    -------
    TensorLikelihood
        ``rates`` and ``logpdf`` of the model, with its templates as arrays of the library.

    Raises
    ------
    MissingExtra
        JAX is not installed (``pip install 'hftranslate[jax]'``).
    InputError
        JAX is not set to double precision.
    """
    return _exported(model, jax_namespace)


def to_torch(model: Model, device: Any = "cpu") -> TensorLikelihood:
    """A model as pure functions of PyTorch, for tensors on a device.

    Parameters
    ----------
    model
        of :func:`~hftranslate.compile_model`.
    device
        as ``torch.device`` takes it.

    Returns
    -------
    TensorLikelihood
        ``rates`` and ``logpdf`` of the model, with its templates as arrays of the library.

    Raises
    ------
    MissingExtra
        PyTorch is not installed (``pip install 'hftranslate[torch]'``).
    """
    return _exported(model, lambda: torch_namespace(device))


def _exported(model: Model, made: Callable[[], Namespace]) -> TensorLikelihood:
    if not isinstance(model, Model):
        given = type(model).__name__
        raise InputError(f"expected a model, not {given}; compile_model(workspace) gives it with its data")
    library = made()
    templates = {key: library.floats(values) for key, values in templates_of(model).items()}
    return TensorLikelihood(model=model, templates=templates, formulas=Formulas.of(model, library))
