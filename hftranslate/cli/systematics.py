"""All systematics of a model, looked at."""

from pathlib import Path
from typing import Any

import click

from hftranslate.cli.groups import Command
from hftranslate.cli.options.model import load_model, model_options
from hftranslate.cli.options.paths import OutputFile
from hftranslate.cli.output import emit_texts, json_text, tell
from hftranslate.display.speaking import tables_as


@click.command(cls=Command)
@model_options
@click.option("--threshold", default=0.001, show_default=True, help="Changes of a bin below this fraction may go.")
@click.option("--json", "json_file", type=OutputFile(), help="Write everything as JSON too.")
def systematics(threshold: float, json_file: Path | None, **options: Any) -> None:
    """What each systematic does to each sample, what is suspicious in it, and what pruning would leave out.

    Without --output-file, a table; with it, one self-contained page with a picture of nominal, up and down of each
    systematic, channel and sample, and of their ratios. 'plot templates' draws them for papers.
    """
    from hftranslate.doctor import systematics as look

    file, output_file = options["file"], options.pop("output_file")
    found = look(load_model(options, edges=True)[0], threshold)
    texts: dict[Path, Any] = {} if json_file is None else {json_file: json_text(found.to_dict())}
    if output_file is None:
        texts[Path("-")] = tables_as("text", found.tables())
    else:
        from hftranslate.report import systematics_page

        texts[output_file] = systematics_page(found, "standard input" if file == "-" else Path(file).name)
    emit_texts(texts)
    if output_file is not None:
        tell(found.headline())
