"""The main job on an embedded example: translate, compute, and prove the agreement with ROOT. `make demo` runs it."""

import sys
import time
from pathlib import Path

from hftranslate.crosscheck.compare import crosscheck
from hftranslate.crosscheck.report import write_html
from hftranslate.crosscheck.results import read_results, results
from hftranslate.formats.files import write_files
from hftranslate.formats.json_text import dump_json
from hftranslate.inference.fit import fit
from hftranslate.inference.hypotest import hypotest, upper_limit
from hftranslate.likelihood.compile import compile_model
from hftranslate.plots import brazil, pulls, save
from hftranslate.translation.load import load, read
from hftranslate.translation.sidecar_file import sidecar_path
from hftranslate.translation.write import to_pyhf_json, to_xml, write_json, write_xml

REPOSITORY = Path(__file__).resolve().parents[1]
XML = REPOSITORY / "validation" / "cases" / "demo" / "demo.xml"
REFERENCE = REPOSITORY / "reference_outputs" / "demo.json"
OUTPUT = REPOSITORY / "demo-output"


def shown(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


def step(title: str, command: str) -> None:
    print(f"\n{title}\n  $ hftranslate {command}")


def translate() -> bool:
    """XML to JSON, JSON to XML, and back: the JSON must be identical."""
    json_path, xml_path, again = OUTPUT / "demo.json", OUTPUT / "xml" / "FitConfig.xml", OUTPUT / "again.json"
    step("ROOT's XML to JSON", f"xml2json {shown(XML)} -o {shown(json_path)}")
    loaded = load(XML)
    translation = to_pyhf_json(loaded.workspace)
    write_json(translation, json_path, sidecar=sidecar_path(json_path))
    for outcome in (*loaded.outcomes, *translation.outcomes):
        print(f"  {outcome}")
    step("JSON to XML", f"json2xml {shown(json_path)} -d {shown(xml_path.parent)}")
    back = to_xml(load(json_path, use_sidecar=True).workspace)
    write_xml(back, xml_path.parent, sidecar=True)
    for outcome in back.outcomes:
        print(f"  {outcome}")
    step("and back to JSON", f"xml2json {shown(xml_path)} -o {shown(again)}")
    write_json(to_pyhf_json(load(xml_path, use_sidecar=True).workspace), again, sidecar=sidecar_path(again))
    same = again.read_bytes() == json_path.read_bytes()
    print(f"  the JSON is {'identical, byte by byte' if same else 'NOT identical'}")
    return same


def compute() -> None:
    """Fit, CLs and upper limit, with their pictures."""
    model, data = compile_model(read(XML))
    step("Fit", f"fit {shown(XML)} -o {shown(OUTPUT / 'fit.json')}")
    best = fit(model, data)
    poi = best.names[model.parameters.poi_index]
    print(
        f"  {poi} = {best.value(poi):.4f} +- {best.uncertainty(poi):.4f}, {best.status}, {len(best.names)} parameters"
    )
    step("CLs", f"cls {shown(XML)}")
    test = hypotest(model, data)
    print(f"  CLs({poi} = 1): observed {test.cls_obs:.5f}, expected {test.cls_exp[2]:.5f}")
    print("  expected at -2 ... +2 sigma: " + "  ".join(f"{value:.5f}" for value in test.cls_exp))
    step("Upper limit", f"limit {shown(XML)} -o {shown(OUTPUT / 'limit.json')}")
    limit = upper_limit(model, data)
    print(f"  {poi} < {limit.observed:.4f} observed, {limit.expected[2]:.4f} expected, at 95% confidence level")
    print("  expected at -2 ... +2 sigma: " + "  ".join(f"{value:.4f}" for value in limit.expected))
    documents = {"fit.json": best.to_dict(), "limit.json": limit.to_dict()}
    write_files({OUTPUT / name: dump_json(document) for name, document in documents.items()})
    step("Plots", f"plot brazil {shown(OUTPUT / 'limit.json')} -o {shown(OUTPUT / 'brazil.png')}    (and pulls)")
    save(brazil(documents["limit.json"]), OUTPUT / "brazil.png")
    save(pulls(documents["fit.json"]), OUTPUT / "pulls.png")


def check() -> bool:
    """Every number of ROOT's reference against ours."""
    html = OUTPUT / "report.html"
    command = f"crosscheck {shown(XML)} {shown(REFERENCE)} --html {shown(html)}"
    step("Crosscheck with ROOT", command)
    reference = read_results(REFERENCE)
    ours = results(read(XML), like=reference, inputs=(XML,), command=f"hftranslate {command}")
    report = crosscheck(ours, reference)
    print(report.text(), end="")
    write_html(report, html)
    return report.passed


def main() -> int:
    start = time.perf_counter()
    (OUTPUT / "xml").mkdir(parents=True, exist_ok=True)
    identical = translate()
    compute()
    agrees = check()
    files = ", ".join(sorted(path.name for path in OUTPUT.iterdir()))
    print(f"\nLeft in {shown(OUTPUT)}/: {files}   ({time.perf_counter() - start:.1f} s)")
    return 0 if identical and agrees else 1


if __name__ == "__main__":
    sys.exit(main())
