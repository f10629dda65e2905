"""A recipe as HistFactory XML, with the histograms that the XML names."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

Json = dict[str, Any]


def documents(recipe: Json) -> tuple[dict[str, str], dict[str, Json]]:
    """The XML documents by file name, ``top.xml`` the driver, and the histograms by name."""
    histograms: dict[str, Json] = {}
    texts = {"top.xml": "".join(_driver(recipe))}
    for i, channel in enumerate(recipe["channels"]):
        texts[f"channel_{i}.xml"] = "".join(_channel(channel, i, histograms))
    return texts, histograms


def write_documents(recipe: Json, folder: Path) -> dict[str, Json]:
    """Write the XML into a folder, and give the histograms that are to lie in ``data.root`` there."""
    texts, histograms = documents(recipe)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return histograms


def _element(tag: str, *content: str, **attributes: object) -> str:
    words = "".join(f" {k}={quoteattr(str(v))}" for k, v in attributes.items() if v is not None)
    return f"<{tag}{words}>{''.join(content)}</{tag}>\n" if content else f"<{tag}{words}/>\n"


def _driver(recipe: Json) -> Iterator[str]:
    yield '<Combination OutputFilePrefix="out">\n'
    for f in recipe["functions"]:
        yield _element("Function", Name=f["name"], Expression=f["expression"], Dependents=f["dependents"])
    for i, _ in enumerate(recipe["channels"]):
        yield _element("Input", f"channel_{i}.xml")
    m = recipe["measurement"]
    content = [_element("POI", " ".join(m["pois"]))]
    content += [_element("ParamSetting", " ".join(s["names"]), Const=s["const"], Val=s["value"]) for s in m["settings"]]
    content += [
        _element("ConstraintTerm", " ".join(t["names"]), Type=t["type"], RelativeUncertainty=t["relative"])
        for t in m["terms"]
    ]
    yield _element("Measurement", *content, Name=m["name"], Lumi=m["lumi"], LumiRelErr=m["lumi_error"])
    yield "</Combination>\n"


def _channel(channel: Json, index: int, histograms: dict[str, Json]) -> Iterator[str]:
    def stored(histogram: Json) -> str:
        name = f"h{index}_{len(histograms)}"
        histograms[name] = {**histogram, "edges": channel["edges"]}
        return name

    yield f'<Channel Name={quoteattr(channel["name"])} InputFile="data.root">\n'
    if channel["data"] is not None:
        yield _element("Data", HistoName=stored(channel["data"]))
    if channel["stat"] is not None:
        stat = channel["stat"]
        yield _element("StatErrorConfig", RelErrorThreshold=stat["threshold"], ConstraintType=stat["constraint"])
    for s in channel["samples"]:
        modifiers = [_modifier(m, stored) for m in s["modifiers"]]
        name = stored(s["histogram"])
        yield _element("Sample", "\n", *modifiers, Name=s["name"], HistoName=name, NormalizeByTheory=s["theory"])
    yield "</Channel>\n"


def _modifier(m: Json, stored: Any) -> str:
    match m["type"]:
        case "NormFactor":
            return _element("NormFactor", Name=m["name"], Val=m["value"], Low=m["low"], High=m["high"])
        case "OverallSys":
            return _element("OverallSys", Name=m["name"], Low=m["low"], High=m["high"])
        case "HistoSys":
            low, high = stored(m["low"]), stored(m["high"])
            return _element("HistoSys", Name=m["name"], HistoNameLow=low, HistoNameHigh=high)
        case "ShapeSys":
            histogram = stored(m["histogram"])
            return _element("ShapeSys", Name=m["name"], HistoName=histogram, ConstraintType=m["constraint"])
        case "ShapeFactor":
            return _element("ShapeFactor", Name=m["name"])
        case _:
            histogram = None if m["histogram"] is None else stored(m["histogram"])
            return _element("StatError", Activate=m["activate"], HistoName=histogram)
