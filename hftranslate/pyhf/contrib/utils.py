"""Downloads of published likelihoods."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hftranslate import hepdata
from hftranslate.pyhf import exceptions


def download(archive_url: str, output_directory: Any, force: bool = False, compress: bool = False) -> None:
    """Fetch a likelihood from HEPData and unpack it into a new or empty folder, or keep the archive (``compress``)."""
    host = urlsplit(archive_url).netloc
    if not force and host not in ("www.hepdata.net", "doi.org"):
        raise exceptions.InvalidArchiveHost(f"{host} is not an approved archive host; force=True downloads from it.")
    rules = hepdata.Rules(hosts=(*hepdata.Rules().hosts, host)) if force else None
    fetch = hepdata.download_archive if compress else hepdata.download
    fetch(archive_url, Path(output_directory), rules=rules)
