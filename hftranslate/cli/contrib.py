"""The group of pyhf's command line that holds its download."""

from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import click

from hftranslate.cli.groups import Group
from hftranslate.cli.options.paths import OutputFolder
from hftranslate.cli.output import emit_text
from hftranslate.display import terminal


@click.group(cls=Group)
def contrib() -> None:
    """For those who come from pyhf: 'contrib download' is 'hepdata download', with pyhf's options."""


@contrib.command()
@click.argument("source", metavar="ARCHIVE_URL")
@click.argument("target", metavar="OUTPUT_DIRECTORY", type=OutputFolder(file_okay=True))
@click.option("-v", "--verbose", is_flag=True, help="List the files on standard output.")
@click.option("-f", "--force", is_flag=True, help="Fetch from a host that is not known, too.")
@click.option("-c", "--compress", is_flag=True, help="Keep the archive as it is, in the file OUTPUT_DIRECTORY.")
def download(source: str, target: Path, verbose: bool, force: bool, compress: bool) -> None:
    """Fetch an archive of likelihoods and unpack it into OUTPUT_DIRECTORY, a new or empty folder."""
    from hftranslate.hepdata import download as download_likelihood
    from hftranslate.hepdata import download_archive
    from hftranslate.hepdata.web import Rules

    rules = Rules()
    if force and (host := urlsplit(source).hostname):
        rules = replace(rules, hosts=(*rules.hosts, host.lower()))
    if compress:
        download_archive(source, target, rules=rules)
        written = [target]
    else:
        done = download_likelihood(source, target, rules=rules)
        written = [target / name for name in done.files]
    if verbose:
        emit_text("".join(f"{terminal(str(p))}\n" for p in written), None)
