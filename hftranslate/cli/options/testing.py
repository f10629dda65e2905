"""Options of commands that test hypotheses: how, and by how many toys."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import click

from hftranslate.batch.options import BatchOptions
from hftranslate.cli.options.batch import Many, many_options, take_many
from hftranslate.cli.options.counts import some_toys
from hftranslate.cli.options.fitting import minimizer_options, take_fit_options
from hftranslate.cli.options.model import choice_option, combined_options, format_option, load_model, model_options
from hftranslate.cli.output import tell
from hftranslate.errors import InputError
from hftranslate.inference.minimize import FitOptions
from hftranslate.inference.tester import OfPoi
from hftranslate.likelihood.compile import compile_model
from hftranslate.likelihood.model import Data, Model
from hftranslate.toys.samples import MOST_FAILED, ToyOptions

#: Toys of each hypothesis where it is not said how many.
DEFAULT_TOYS = 2000


poi_range_option = choice_option(
    "--poi-range",
    ("named", "model"),
    "Whether the statistic is what its name says, or fits and limits keep to the model's range of the POI.",
)


calctype_option = click.option(
    "--calctype",
    type=click.Choice(["asymptotics", "toybased"]),
    help="How p-values are computed; default: by toys where --toys is given.",
)


max_failed_option = click.option(
    "--max-failed",
    type=click.FloatRange(0.0, 1.0),
    default=MOST_FAILED,
    show_default=True,
    help="Part of the toys of a hypothesis whose fits may fail.",
)
made_toys = combined_options(
    click.option(
        "--toys",
        type=some_toys,
        metavar="N",
        help=f"Toys of each hypothesis; default: {DEFAULT_TOYS}, if any.",
    ),
    click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the toys."),
    max_failed_option,
)
toy_options = combined_options(made_toys, many_options)


fit_options = combined_options(model_options, format_option, minimizer_options, poi_range_option)


@dataclass(frozen=True, slots=True, kw_only=True)
class Toys:
    """The toys that a command makes, and how they run."""

    options: ToyOptions
    many: Many

    @contextmanager
    def running(self) -> Iterator[BatchOptions]:
        """How they run; an interruption is told what it leaves behind."""
        with self.many.running("the toys made so far are kept") as batch:
            yield batch


def take_made_toys(options: dict[str, Any]) -> ToyOptions | None:
    """Remove how many toys are made from a command's options; ``None`` where it is not said."""
    n, seed, most_failed = options.pop("toys"), options.pop("seed"), options.pop("max_failed")
    return None if n is None else ToyOptions(toys=n, seed=seed, most_failed=most_failed)


def take_toys(options: dict[str, Any], calctype: str | None) -> Toys | None:
    """Remove the options of toys from a command's options; ``None`` where no toys are asked for."""
    n, seed, most_failed = options.pop("toys"), options.pop("seed"), options.pop("max_failed")
    many = take_many(options)
    if calctype == "toybased" or (calctype is None and n is not None):
        return Toys(options=ToyOptions(toys=n or DEFAULT_TOYS, seed=seed, most_failed=most_failed), many=many)
    if n is not None:
        raise InputError(f"--toys {n} and --calctype {calctype} contradict each other")
    if many.resume is not None:
        raise InputError("--resume keeps toys: say how many with --toys")
    return None


def tell_outside_range(result: OfPoi) -> None:
    """Say on standard error what of a result lies outside the range of the parameter of interest."""
    if outside := result.to_dict().get("outside_range"):
        low, high = result.poi_bounds
        tell(
            f"hftranslate: outside the model's range of {result.poi!r}, [{low:g}, {high:g}]: {', '.join(outside)}; "
            "--poi-range model keeps to it"
        )


def take_model(options: dict[str, Any]) -> tuple[Model, Data, FitOptions]:
    """The model that a command's options name, its data, and how to minimise."""
    workspace, measurement, conventions = load_model(options)
    fit_options = take_fit_options(options)
    return *compile_model(workspace, measurement, conventions), fit_options
