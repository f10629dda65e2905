"""The main job on a model that is installed with the package: translate, compute, and prove the agreement with ROOT."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hftranslate.crosscheck.compare import crosscheck
from hftranslate.crosscheck.report import write_html
from hftranslate.crosscheck.results import read_results, results
from hftranslate.crosscheck.shipped import beside_package
from hftranslate.errors import MissingExtra
from hftranslate.formats.files import write_files
from hftranslate.formats.json_text import dump_json
from hftranslate.inference.fit import fit
from hftranslate.inference.hypotest import hypotest, upper_limit
from hftranslate.likelihood.compile import compile_model
from hftranslate.translation.load import load, read
from hftranslate.translation.sidecar_file import sidecar_path
from hftranslate.translation.write import to_pyhf_json, to_xml, write_json, write_xml


def demonstrate(folder: Path, say: Callable[[str], None]) -> bool:
    """Translate, fit, test and check the model of the demonstration, step by step, as the commands do.

    Parameters
    ----------
    folder
        what is made goes here, the model itself included, so that every command can be repeated.
    say
        is told what happens, a few lines at a time.

    Returns
    -------
    bool
        whether the way to XML and back gave the same bytes, and all numbers agree with ROOT's.

    Raises
    ------
    InputError
        The folder cannot be written to.
    """
    start = time.perf_counter()
    model = folder / "model"
    model.mkdir(parents=True, exist_ok=True)
    sources = {
        model / source.name: source for source in sorted(beside_package("demo", "validation/cases/demo").iterdir())
    }
    sources[folder / "root_says.json"] = beside_package("demo.json", "reference_outputs/demo.json")
    write_files({target: source.read_bytes() for target, source in sources.items()})
    say("ROOT's own model, written with it: " + ", ".join(sorted(path.name for path in model.iterdir())))
    identical = _translate(model / "demo.xml", folder, say)
    _compute(model / "demo.xml", folder, say)
    agrees = _check(model / "demo.xml", folder, say)
    files = ", ".join(sorted(path.name for path in folder.iterdir()))
    say(f"\nLeft in {folder}/: {files}   ({time.perf_counter() - start:.1f} s)")
    return identical and agrees


def _translate(driver: Path, folder: Path, say: Callable[[str], None]) -> bool:
    """XML to JSON, JSON to XML, and back: the JSON must be identical."""
    first, xml, again = folder / "demo.json", folder / "xml" / "FitConfig.xml", folder / "again.json"
    say(f"\nROOT's XML to JSON\n  $ hftranslate xml2json {driver} -o {first}")
    loaded = load(driver)
    translation = to_pyhf_json(loaded.workspace)
    write_json(translation, first, sidecar=sidecar_path(first))
    for outcome in (*loaded.outcomes, *translation.outcomes):
        say(f"  {outcome}")
    say(f"\nJSON to XML\n  $ hftranslate json2xml {first} -d {xml.parent}")
    back = to_xml(load(first, use_sidecar=True).workspace)
    write_xml(back, xml.parent, sidecar=True)
    for outcome in back.outcomes:
        say(f"  {outcome}")
    say(f"\nand back to JSON\n  $ hftranslate xml2json {xml} -o {again}")
    write_json(to_pyhf_json(load(xml, use_sidecar=True).workspace), again, sidecar=sidecar_path(again))
    same = again.read_bytes() == first.read_bytes()
    say(f"  the JSON is {'identical, byte by byte' if same else 'NOT identical'}")
    return same


def _compute(driver: Path, folder: Path, say: Callable[[str], None]) -> None:
    """Fit, CLs and upper limit, with their pictures where they can be drawn."""
    model, data = compile_model(read(driver))
    say(f"\nFit\n  $ hftranslate fit {driver} -o {folder / 'fit.json'}")
    best = fit(model, data)
    poi = best.names[model.parameters.poi_index]
    say(f"  {poi} = {best.value(poi):.4f} +- {best.uncertainty(poi):.4f}, {best.status}, {len(best.names)} parameters")
    say(f"\nCLs\n  $ hftranslate cls {driver}")
    test = hypotest(model, data)
    say(f"  CLs({poi} = 1): observed {test.cls_obs:.5f}, expected {test.cls_exp[2]:.5f}")
    say("  expected at -2 ... +2 sigma: " + "  ".join(f"{value:.5f}" for value in test.cls_exp))
    say(f"\nUpper limit\n  $ hftranslate limit {driver} -o {folder / 'limit.json'}")
    limit = upper_limit(model, data)
    say(f"  {poi} < {limit.observed:.4f} observed, {limit.expected[2]:.4f} expected, at 95% confidence level")
    say("  expected at -2 ... +2 sigma: " + "  ".join(f"{value:.4f}" for value in limit.expected))
    documents = {"fit.json": best.to_dict(), "limit.json": limit.to_dict()}
    write_files({folder / name: dump_json(document) for name, document in documents.items()})
    say(f"\nPlots\n  $ hftranslate plot brazil {folder / 'limit.json'} -o {folder / 'brazil.png'}    (and pulls)")
    with _if_it_can_be_drawn(say):
        from hftranslate.plots import brazil, pulls, save

        save(brazil(documents["limit.json"]), folder / "brazil.png")
        save(pulls(documents["fit.json"]), folder / "pulls.png")


@contextmanager
def _if_it_can_be_drawn(say: Callable[[str], None]) -> Iterator[None]:
    try:
        yield
    except MissingExtra as error:
        say(f"  left out: {error}")


def _check(driver: Path, folder: Path, say: Callable[[str], None]) -> bool:
    """Every number of ROOT's reference against ours."""
    says, html = folder / "root_says.json", folder / "report.html"
    command = f"crosscheck {driver} {says} --html {html}"
    say(f"\nCrosscheck with ROOT\n  $ hftranslate {command}")
    reference = read_results(says)
    ours = results(read(driver), like=reference, inputs=(driver,), command=f"hftranslate {command}")
    report = crosscheck(ours, reference)
    say(report.text().rstrip("\n"))
    with _if_it_can_be_drawn(say):
        write_html(report, html)
    return report.passed
