"""The demonstration."""

from pathlib import Path

import click

from hftranslate.cli.options.paths import OutputFolder
from hftranslate.cli.output import emit_text
from hftranslate.crosscheck.demo import demonstrate


@click.command()
@click.option(
    "-d", "--output-dir", type=OutputFolder(), default=Path("demo-output"), show_default=True, help="Where to write."
)
@click.pass_context
def demo(ctx: click.Context, /, output_dir: Path) -> None:
    """Take a model that ROOT wrote to JSON and back, fit it, and compare all numbers with ROOT's.

    The model is installed with hftranslate. Every command is shown and can be repeated. Exit code 1: something differs.
    """
    if not demonstrate(output_dir, lambda text: emit_text(f"{text}\n", None)):
        ctx.exit(1)
