"""Groups of commands that say where a command is that was looked for in the wrong place, or misspelt."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import click

from hftranslate.errors import did_you_mean

#: Names this alike are one name with a slip of the finger.
_A_SLIP = 0.85


#: The options of the help text by section, by the names of their parameters; all others come first.
SECTIONS: dict[str, str] = {
    "Reading XML, ROOT and HS3 files": (
        "basedir mounts graph workspace analysis data search confine asimov_if_missing root_version normalize_by_theory"
    ),
    "Model and conventions": "patches measurement conventions poi_range",
    "Output": "output_file kind json_file losses sidecar track_progress title style experiment status lumi energy",
    "Fit": "minimizer optconf fix bounds asimov minos",
    "Toys and many fits": "calctype toys seed max_failed workers dask resume",
}
_SECTION_OF = {name: title for title, names in SECTIONS.items() for name in names.split()}


@contextmanager
def many_small_objects() -> Iterator[None]:
    """Without the search for unused cycles, of which neither imports nor translations of large models make many.

    What was made meanwhile is not searched afterwards, either: most of it stays.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.freeze()
            gc.enable()


class Command(click.Command):
    """A command whose options stand in sections, where they are many."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write them."""
        found: dict[str, list[tuple[str, str]]] = {title: [] for title in ("Options", *SECTIONS)}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx) if isinstance(parameter, click.Option) else None
            if record is not None:
                found[_SECTION_OF.get(parameter.name or "", "Options")].append(record)
        for title, records in found.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


class Group(click.Group):
    """A group in which an unknown name is answered with the nearest command of the whole program."""

    command_class = Command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, each with its whole first sentence."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(n, c.get_short_help_str(1000)) for n, c in commands if c is not None and not c.hidden])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command of a name, or a usage error."""
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            ctx.fail(f"no command {args[0]!r}" + self._nearest(ctx, args[0]))
        return super().resolve_command(ctx, args)

    def _nearest(self, ctx: click.Context, name: str) -> str:
        from difflib import get_close_matches

        root = ctx.find_root()
        assert isinstance(root.command, click.Group)
        inside = " ".join(ctx.command_path.split()[1:])
        own = {n: f"{inside} {n}".strip() for n in self.list_commands(ctx)}
        # a command of two groups (contour) counts once
        others = {id(command): path for path, command in _commands(root.command, root)}.values()
        of_name: dict[str, list[str]] = {}
        for path in others:
            if path not in own.values():
                of_name.setdefault(path.split()[-1], []).append(path)
        found = [own[n] for n in get_close_matches(name, own, n=1, cutoff=_A_SLIP)] + of_name.get(name, [])
        found = found or [own[n] for n in get_close_matches(name, own, n=1)]
        found = found or [path for n in get_close_matches(name, of_name, n=1) for path in of_name[n]]
        if not found:
            return did_you_mean(name, own)
        program = f"{root.info_name} " if inside else ""
        return f"; did you mean {' or '.join(repr(program + path) for path in found)}?"


def _commands(group: click.Group, ctx: click.Context, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    """All commands and groups in a group, however deep, each with its words."""
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        if command is not None:
            yield f"{prefix}{name}", command
        if isinstance(command, click.Group):
            yield from _commands(command, ctx, f"{prefix}{name} ")
