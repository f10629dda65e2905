"""One translation by library calls, in seconds, files included and imports not: TOOL DIRECTION INPUT FOLDER."""

import json
import os
import sys
import time
from pathlib import Path

tool, direction, source, folder = sys.argv[1:]
target = Path(folder)

if tool == "ours":
    import hftranslate as hft
    from hftranslate.formats import histfactory_xml  # noqa: F401
    from hftranslate.translation.load import load

    version = hft.__version__
elif tool == "pyhf":
    import pyhf
    import pyhf.readxml
    import pyhf.writexml

    version = pyhf.__version__


def by_ours() -> None:
    if direction == "json2xml":
        hft.write(hft.read(source), target / "FitConfig.xml")
    else:
        os.chdir(Path(source).parent)  # as ROOT does, paths start from the working directory
        workspace = load(source, use_sidecar=True).workspace
        hft.write(workspace, target / "workspace.json")


def by_pyhf() -> None:
    if direction == "json2xml":
        document = json.loads(Path(source).read_text())
        driver = pyhf.writexml.writexml(document, str(target / "config"), str(target / "data"), "FitConfig")
        (target / "FitConfig.xml").write_bytes(driver)
    else:
        document = pyhf.readxml.parse(source, Path(source).parent, track_progress=False)
        (target / "workspace.json").write_text(json.dumps(document, indent=4, sort_keys=True))


start = time.perf_counter()
by_ours() if tool == "ours" else by_pyhf()
print("RESULT " + json.dumps({"seconds": time.perf_counter() - start, "version": version}))
