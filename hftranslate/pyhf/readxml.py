"""HistFactory XML, read with ROOT's meaning and given as pyhf's document."""

import logging
from pathlib import Path
from typing import Any

from hftranslate.formats import histfactory_xml
from hftranslate.pyhf import exceptions, schema
from hftranslate.translation import to_pyhf_json

_log = logging.getLogger(__name__)


def parse(
    configfile: Any, rootdir: Any, mounts: Any = None, track_progress: bool = False, validation_as_error: bool = True
) -> dict[str, Any]:
    """The workspace document of a driver file; paths in it are relative to ``rootdir``, mounts are (here, there)."""
    mounted = tuple((str(there), str(here)) for here, there in mounts or ())
    options = histfactory_xml.XmlOptions(basedir=Path(rootdir), mounts=mounted)
    name, data = configfile, None
    if hasattr(configfile, "read"):
        name, text = getattr(configfile, "name", "driver"), configfile.read()
        data = text.encode() if isinstance(text, str) else text
    workspace, outcomes = histfactory_xml.read(name, options, data=data)
    translation = to_pyhf_json(workspace, measure=False)
    for outcome in outcomes + translation.outcomes:
        if outcome.kind == "loss":
            _log.warning("%s: %s", outcome.where, outcome.what)
    try:
        schema.validate(translation.document, "workspace.json")
    except exceptions.InvalidSpecification as error:
        if validation_as_error:
            raise
        _log.warning(error)
    return translation.document


def clear_filecache() -> None:
    """Nothing is kept."""
