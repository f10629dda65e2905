"""The smallest recipe that still shows a difference: parts are taken away while it stays."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

Json = dict[str, Any]
Shows = Callable[[Json], bool]


def minimised(recipe: Json, shows: Shows, *, most: int = 300) -> Json:
    """The recipe, or workspace, without what the difference does not need; ``shows`` tells whether one has it."""
    tried = 0
    smaller = True
    while smaller and tried < most:
        smaller = False
        for candidate in _reduced_workspace(recipe) if "observations" in recipe else _reduced(recipe):
            tried += 1
            if shows(candidate):
                recipe, smaller = candidate, True
                break
            if tried >= most:
                break
    return recipe


def _reduced(recipe: Json) -> Iterator[Json]:
    """Recipes with one part less, the largest parts first."""
    lists: list[tuple[Any, ...]] = [
        ("channels",),
        ("functions",),
        ("measurement", "settings"),
        ("measurement", "terms"),
        ("measurement", "pois"),
    ]
    for i, channel in enumerate(recipe["channels"]):
        lists.append(("channels", i, "samples"))
        lists += [("channels", i, "samples", j, "modifiers") for j in range(len(channel["samples"]))]
    lists += [("measurement", "settings", k, "names") for k in range(len(recipe["measurement"]["settings"]))]
    for path in lists:
        for i in range(len(_at(recipe, path))):
            smaller = copy.deepcopy(recipe)
            del _at(smaller, path)[i]
            if _at(smaller, path) or path[-1] not in ("channels", "samples", "names"):
                yield smaller
    yield from _with_fewer_bins(recipe)
    yield from _with_less_words(recipe)


def _reduced_workspace(document: Json) -> Iterator[Json]:
    """Workspaces with one channel, sample, modifier or setting less."""
    channels = document["channels"]
    for i in range(len(channels) if len(channels) > 1 else 0):
        smaller = copy.deepcopy(document)
        name = smaller["channels"].pop(i)["name"]
        smaller["observations"] = [o for o in smaller["observations"] if o["name"] != name]
        yield smaller
    lists: list[tuple[Any, ...]] = [("measurements", 0, "config", "parameters")]
    for i, channel in enumerate(channels):
        lists += [("channels", i, "samples")] if len(channel["samples"]) > 1 else []
        lists += [("channels", i, "samples", j, "modifiers") for j in range(len(channel["samples"]))]
    for path in lists:
        for k in range(len(_at(document, path))):
            smaller = copy.deepcopy(document)
            del _at(smaller, path)[k]
            yield smaller


def _at(recipe: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        recipe = recipe[key]
    return recipe


def _with_fewer_bins(recipe: Json) -> Iterator[Json]:
    """Without one bin of all channels that have it; shapes that channels share keep their size."""
    for bin_ in range(max(len(c["edges"]) for c in recipe["channels"]) - 1):
        smaller = copy.deepcopy(recipe)
        for channel in smaller["channels"]:
            if bin_ < len(channel["edges"]) - 1:
                del channel["edges"][-1]
                for histogram in _histograms(channel):
                    for key in ("contents", "errors"):
                        if histogram[key] is not None:
                            del histogram[key][bin_]
        if all(len(c["edges"]) > 1 for c in smaller["channels"]):
            yield smaller


def _histograms(part: Any) -> Iterator[Json]:
    if isinstance(part, dict) and "contents" in part:
        yield part
    elif isinstance(part, dict):
        for value in part.values():
            yield from _histograms(value)
    elif isinstance(part, list):
        for value in part:
            yield from _histograms(value)


def _with_less_words(recipe: Json) -> Iterator[Json]:
    """With defaults in place of what is stated."""
    for i, channel in enumerate(recipe["channels"]):
        if channel["stat"] is not None:
            smaller = copy.deepcopy(recipe)
            smaller["channels"][i]["stat"] = None
            yield smaller
        for j, _ in enumerate(channel["samples"]):
            if recipe["channels"][i]["samples"][j]["theory"] is not None:
                smaller = copy.deepcopy(recipe)
                smaller["channels"][i]["samples"][j]["theory"] = None
                yield smaller
    for k, histogram in enumerate(_histograms(recipe)):
        if histogram["class"] != "TH1D":
            smaller = copy.deepcopy(recipe)
            list(_histograms(smaller))[k]["class"] = "TH1D"
            yield smaller
        if histogram["errors"] is not None:
            smaller = copy.deepcopy(recipe)
            list(_histograms(smaller))[k]["errors"] = None
            yield smaller
    for key, value in (("lumi", 1.0), ("lumi_error", 0.0)):
        if recipe["measurement"][key] != value:
            smaller = copy.deepcopy(recipe)
            smaller["measurement"][key] = value
            yield smaller
