"""The command line: a thin shell over the library. Each command parses, calls one library function, and prints."""

import atexit
import gc
import os
import sys
import threading
from importlib import import_module
from io import StringIO
from typing import NoReturn

import click

from hftranslate.cli import streams
from hftranslate.cli.groups import Group, many_small_objects
from hftranslate.display import terminal, terminal_lines
from hftranslate.errors import FitFailed, HFTranslateError, TranslationLoss, VerificationFailed, WorkersLost

__all__ = ["cli", "main", "run"]

# The matrices are small: threads of the linear algebra library only get in each other's way. NumPy reads it on import.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

#: The list of commands as --help shows it, in the order of the work; no command is imported for it.
SECTIONS = {
    "Translate": {
        "xml2json": "HistFactory XML with its ROOT histograms to pyhf JSON",
        "root2json": "the file that hist2workspace wrote to pyhf JSON",
        "hs32json": "HS3, as ROOT writes it, to pyhf JSON",
        "json2hs3": "a workspace to HS3",
        "json2xml": "a workspace to HistFactory XML with ROOT histograms",
        "convert": "between any two formats",
        "diff": "what two workspaces mean: what differs, exit 1 if any",
    },
    "Look and edit": {
        "inspect": "what is in a workspace",
        "doctor": "what is suspicious in it, and what helps",
        "systematics": "what each systematic does to each sample",
        "prune": "leave parts out",
        "rename": "give parts other names",
        "combine": "two workspaces into one",
        "sort": "put everything in alphabetical order",
        "digest": "the checksum that pyhf gives it",
    },
    "Fit and test": {
        "fit": "best fit, uncertainties, correlations",
        "cls": "CLs of one signal strength, observed and expected",
        "limit": "upper limits, observed and expected",
        "significance": "p0 and Z of a signal",
        "scan": "profile scans of one or two parameters",
        "impacts": "ranking of the nuisance parameters",
        "gof": "goodness of fit",
        "yields": "events per sample, bin and channel, before and after a fit",
        "toys": "merge kept toys, and compute from them",
        "plot": "draw what these commands write",
        "report": "one page about a model, with all of this",
    },
    "Compare with ROOT": {
        "crosscheck": "with stored ROOT results, or with the ROOT that is here",
        "results": "a result document of our own",
        "demo": "the main job on a model that is installed with it",
    },
    "Publish and reuse": {
        "patchset": "signal grids: apply, create, scan, contour, ...",
        "hepdata": "submissions: bundle, check, download",
        "reproduce": "from a published record to its exclusion contours",
        "contrib": "for those who come from pyhf: contrib download",
    },
}

#: Every command has a module of its name, imported when it is used, so that none waits for what another one needs.
COMMANDS = sorted(name for commands in SECTIONS.values() for name in commands)

_LONGEST_LINE = 2000
#: Errors that are an answer, and not the fault of the input.
_ANSWERS_NO = (TranslationLoss, FitFailed, WorkersLost, VerificationFailed)


class _LazyGroup(Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return COMMANDS

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(list(commands.items()), col_max=14, col_spacing=2)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        with many_small_objects():
            module = import_module(f"hftranslate.cli.{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        return command


def _print_citation(ctx: click.Context, param: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from hftranslate.cli.citation import CITATION

        click.echo(CITATION, nl=False)
        ctx.exit()


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hftranslate")
@click.option(
    "--citation",
    "--cite",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_citation,
    help="Print what to cite, as BibTeX.",
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """Carry HistFactory models between ROOT and JSON, compute with them, and check the result against ROOT.

    Exit codes: 0 done; 1 the answer is no; 2 bad input or usage.
    """


def _shortened(message: str) -> str:
    """The message with what is too long for a line cut out of it: names come from files, of any length."""
    lines = message.split("\n")
    return "\n".join(line if len(line) <= _LONGEST_LINE else f"{line[:600]} [...] {line[-600:]}" for line in lines)


def main() -> None:
    """Run the command line; errors become one message and an exit code."""
    debug = "--debug" in sys.argv
    arguments = [a for a in sys.argv[1:] if a != "--debug"]
    streams.prepare()
    atexit.register(gc.freeze)  # else the interpreter searches a large model for unused cycles before it ends
    try:
        # what a command gives to Context.exit is returned here, not raised
        code = cli.main(args=arguments, prog_name="hftranslate", standalone_mode=False)
        streams.finish()
    except click.ClickException as error:
        shown_by_click = StringIO()
        error.show(shown_by_click)
        click.echo(terminal_lines(shown_by_click.getvalue()), err=True, nl=False)
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        sys.exit(130)
    except HFTranslateError as error:
        if debug:
            raise
        shown = terminal_lines if error.is_list else terminal
        click.echo(f"hftranslate: {_shortened(shown(str(error)))}", err=True)
        sys.exit(1 if isinstance(error, _ANSWERS_NO) else 2)
    except OSError as error:
        if debug:
            raise
        click.echo(f"hftranslate: {terminal(str(error.filename or 'a file'))}: {error.strerror or error}", err=True)
        sys.exit(2)
    except MemoryError:
        if debug:
            raise
        click.echo("hftranslate: there is not enough memory for this input", err=True)
        sys.exit(2)
    except Exception as error:
        if debug:
            raise
        what = _shortened(terminal_lines(f"internal error: {type(error).__name__}: {error}"))
        click.echo(f"hftranslate: {what}\nThis is a bug; please report it with the output of --debug.", err=True)
        sys.exit(2)
    if isinstance(code, int) and code != 0:
        sys.exit(code)


def run() -> NoReturn:
    """The program ``hftranslate``: :func:`main`, and an end at once.

    Otherwise the interpreter would take a model apart, object by object, and all of its modules. What was registered
    for the end is done before. Who looks on, a profiler say, has something to do at the end.
    """
    code: str | int | None = 0
    try:
        main()
    except SystemExit as end:
        code = end.code
    if not (isinstance(code, str) or threading.active_count() > 1 or _is_watched()):
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code or 0)
    sys.exit(code)


def _is_watched() -> bool:
    """Whether a profiler, a tracer or a debugger follows the program."""
    monitoring = getattr(sys, "monitoring", None)  # from Python 3.12 on
    tools = map(monitoring.get_tool, range(6)) if monitoring else ()
    return bool(sys.gettrace() or sys.getprofile() or any(tools))
