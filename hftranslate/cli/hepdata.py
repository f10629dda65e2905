"""Commands for HEPData: bundle, check, download."""

from dataclasses import replace
from pathlib import Path

import click

from hftranslate.cli.common import emit
from hftranslate.cli.progress import ProgressBar, progress_option


@click.group()
def hepdata() -> None:
    """Make a likelihood ready for HEPData, check it, or fetch a published one."""


@hepdata.command()
@click.argument("source", metavar="DOI_OR_URL")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--resource", metavar="NAME", help="Which file of a record; default: all of type HistFactory.")
@click.option("--sha256", metavar="HEX", help="What the checksum of the archive must be; else exit code 1.")
@click.option("--allow-host", "hosts", multiple=True, metavar="HOST", help="Fetch from this host, too; repeatable.")
@click.option("--max-megabytes", type=click.IntRange(min=1), default=500, show_default=True, help="Size of a file.")
@progress_option
def download(
    source: str,
    folder: Path,
    resource: str | None,
    sha256: str | None,
    hosts: tuple[str, ...],
    max_megabytes: int,
    track_progress: bool,
) -> None:
    """Fetch the likelihood of a record and unpack it into DIR, a new or empty folder.

    DOI_OR_URL is the DOI of a resource (10.17182/hepdata.90607.v3/r3) or of a record, a record of HEPData
    (ins1755298, ins1755298.v3), or an https address at hepdata.net, doi.org or zenodo.org. Redirects to other hosts are
    refused, and so is whatever an archive of likelihoods has no use for: links, devices, files outside the folder.
    Prints, as JSON, the files and the checksum of what was fetched.
    """
    from hftranslate.hepdata import download as downloading
    from hftranslate.hepdata import web

    rules = web.Rules(max_bytes=max_megabytes << 20)
    rules = replace(rules, hosts=(*rules.hosts, *(h.lower() for h in hosts)))
    with ProgressBar(shown=track_progress) as progress:
        done = downloading.download(source, folder, rules=rules, sha256=sha256, resource=resource, progress=progress)
    emit(downloading.download_document(done), None)
