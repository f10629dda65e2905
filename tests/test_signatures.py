"""How many things a function takes, and how little a command does."""

import ast
import dataclasses
import inspect
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

import click
import pytest

import hftranslate
from hftranslate.cli import COMMANDS, cli

#: A public function takes so many things, besides objects of options.
MOST_PARAMETERS = 6
#: A command has so many lines, besides its options and its docstring.
MOST_LINES = 20
#: What takes more: a picture of two samples; called from one place: arrays of one loop, settings of SciPy, names.
BUT = {
    "hftranslate.plots.distributions.toys",
    "hftranslate.inference.packages.lbfgsb",
    "hftranslate.likelihood.pattern.find_pattern",
}


def modules() -> list[str]:
    found = (m.name for m in walk_packages(hftranslate.__path__, "hftranslate."))
    others = ("hftranslate.cli", "hftranslate.crosscheck.make_reference", "hftranslate.pyhf")  # pyhf's are pyhf's
    return [name for name in found if not name.startswith(others)]


def functions(module: str) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The public functions that a module defines, and the methods of its public classes."""
    there = import_module(module)
    for name, value in vars(there).items():
        if name.startswith("_") or getattr(value, "__module__", None) != module:
            continue
        if inspect.isfunction(value):
            yield f"{module}.{name}", value
        elif inspect.isclass(value):
            for method, function in vars(value).items():
                function = getattr(function, "__func__", function)
                if inspect.isfunction(function) and not method.startswith("_"):
                    yield f"{module}.{name}.{method}", function


def is_options(kind: Any) -> bool:
    """Whether a parameter's type is an object of options: frozen, by keyword, and made without a word."""
    if not (inspect.isclass(kind) and dataclasses.is_dataclass(kind)):
        return False
    parameters = kind.__dataclass_params__
    missing = dataclasses.MISSING
    optional = all(f.default is not missing or f.default_factory is not missing for f in dataclasses.fields(kind))
    return bool(
        parameters.frozen and optional and dataclasses.fields(kind) and all(f.kw_only for f in dataclasses.fields(kind))
    )


@pytest.mark.parametrize("module", modules())
def test_no_function_takes_more_than_can_be_kept_in_mind(module: str) -> None:
    for name, function in functions(module):
        kinds = inspect.unwrap(function).__annotations__
        taken = [
            p
            for p in inspect.signature(function).parameters
            if p not in ("self", "cls") and not is_options(kinds.get(p))
        ]
        assert len(taken) <= MOST_PARAMETERS or name in BUT, f"{name} takes {len(taken)}: {', '.join(taken)}"


@pytest.mark.parametrize(
    "place",
    [
        "batch.options.BatchOptions",
        "editing.pruning.Places",
        "inference.minimize.FitOptions",
        "plots.figures.PlotOptions",
        "toys.samples.ToyOptions",
    ],
)
def test_options_are_frozen_and_by_keyword(place: str) -> None:
    module, _, name = place.rpartition(".")
    kind = getattr(import_module(f"hftranslate.{module}"), name)
    assert is_options(kind)
    assert "__slots__" in vars(kind)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(kind(), dataclasses.fields(kind)[0].name, None)


def test_how_many_fits_run_is_said_by_one_object() -> None:
    """Where they run, who listens and what keeps them belong together, but for the loops that all of them end in."""
    loose = {"executor", "journal", "resume"}
    for module in modules():
        for name, function in functions(module):
            taken = inspect.signature(function).parameters.keys()
            inner = "batch" in taken and not taken & {"executor", "resume"}  # the journal that it opened
            loop = name.startswith(("hftranslate.batch.run_many.", "hftranslate.batch.shipping."))
            assert not taken & loose or inner or loop, f"{name}: {taken & loose}"


#: Options that mean one thing wherever they stand, and the type that they have there.
ONE_TYPE = {
    "batch": "BatchOptions",
    "toy_options": "ToyOptions",
    "seed": "int",
    "poi_range": "Literal",
    "level": "float",
    "bands": "bool",
    "most_failed": "float",
}


@pytest.mark.parametrize("name", ONE_TYPE)
def test_one_name_is_one_option(name: str) -> None:
    rooms = ("hftranslate.inference", "hftranslate.toys", "hftranslate.signal_grid", "hftranslate.plots")
    found: dict[str, list[str]] = {}
    for module in filter(lambda m: m.startswith(rooms), modules()):
        for where, function in functions(module):
            kind = inspect.unwrap(function).__annotations__.get(name)
            if kind is not None:
                found.setdefault(getattr(kind, "__name__", str(kind)), []).append(where)
    assert found.keys() == {ONE_TYPE[name]}, found


# ------------------------------------------------------------------------------------------------------------ commands
def commands(group: click.Group, ctx: click.Context) -> Iterator[click.Command]:
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        assert command is not None
        yield command
        if isinstance(command, click.Group):
            yield from commands(command, ctx)


def test_every_command_has_the_module_of_its_name() -> None:
    for name in COMMANDS:
        command = getattr(import_module(f"hftranslate.cli.{name}"), name)
        assert command.name == name


def test_commands_are_thin() -> None:
    seen = 0
    for command in commands(cli, click.Context(cli)):
        function = inspect.unwrap(command.callback)  # type: ignore[arg-type]
        (node,) = ast.parse(inspect.cleandoc("\n" + inspect.getsource(function))).body
        assert isinstance(node, ast.FunctionDef)
        body = node.body[1:] if ast.get_docstring(node) is not None else node.body
        lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0
        assert lines <= MOST_LINES, f"{command.name} has {lines} lines"
        seen += 1
    assert seen > 40


def test_what_commands_share_is_apart_from_them() -> None:
    folder = Path(import_module("hftranslate.cli").__file__ or "").parent
    beside = {p.stem for p in folder.glob("*.py")} - set(COMMANDS) - {"__init__"}
    assert beside == {"citation", "groups", "output", "streams"}
