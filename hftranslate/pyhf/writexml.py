"""A workspace document as HistFactory XML that ROOT reads with the same meaning."""

from io import BytesIO
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from hftranslate.formats import write_files
from hftranslate.formats.root_histograms import write_histograms
from hftranslate.pyhf import schema
from hftranslate.translation import to_xml


def writexml(spec: Any, specdir: Any, data_rootdir: Any, resultprefix: Any) -> bytes:
    """The driver document, after the channels are written to ``specdir`` and ``data.root`` to ``data_rootdir``.

    The DTD is written beside the channels and above them, where the driver belongs.
    """
    workspace = schema.read(dict(spec))
    base, histograms = Path(specdir) / resultprefix, Path(data_rootdir) / "data.root"
    model = to_xml(workspace, prefix=base.name, measure=False).model
    content = BytesIO()
    write_histograms(content, model.histograms)
    driver = model.documents[model.driver]
    files: dict[Path, bytes] = {}
    for path, document in model.documents.items():
        if path != model.driver:
            place = base.with_name(f"{base.name}_{Path(path).name}")
            driver = driver.replace(f">./{path}<".encode(), f">{escape(str(place))}<".encode())
            files[place] = document.replace(b'"./data/data.root"', quoteattr(str(histograms)).encode())
    dtd = schema.path.joinpath("HistFactorySchema.dtd").read_bytes()
    beside = {place / "HistFactorySchema.dtd": dtd for place in {Path(specdir), Path(specdir).parent, base.parent}}
    write_files({**files, **beside, histograms: content.getvalue()})
    return driver
