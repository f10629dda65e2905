"""The data sets of a RooWorkspace: events per bin of each channel."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from math import isfinite

from hftranslate.errors import FormatError, MissingInput, did_you_mean
from hftranslate.formats.histfactory_xml.grammar import Notes
from hftranslate.formats.root_histograms.container import Damaged
from hftranslate.formats.root_workspace.channels import Region
from hftranslate.formats.root_workspace.graph import CLASS
from hftranslate.formats.root_workspace.roofit import RooFit, name_of
from hftranslate.formats.root_workspace.streamed import Object

#: The name that HistFactory gives the observed data.
_OBSERVED = "obsData"
_ASIMOV = "asimov"


def chosen(roofit: RooFit, sets: Sequence[Object], wanted: str | None, notes: Notes) -> Object | None:
    """The data set that is meant: the one of a name, or the observed data.

    Observed are ``obsData``, or the only set whose name does not say Asimov; which one it is, is noted.

    Raises
    ------
    MissingInput
        There is none of that name.
    """
    names = [name_of(one) for one in sets]
    if wanted is not None:
        if wanted not in names:
            raise MissingInput(f"{roofit.source} has no data set {wanted!r}" + did_you_mean(wanted, names))
        return sets[names.index(wanted)]
    observed = [i for i, name in enumerate(names) if _ASIMOV not in name.lower()]
    if _OBSERVED in names:
        observed = [names.index(_OBSERVED)]
    others = ", ".join(map(repr, names)) or "none"
    if len(observed) != 1:
        what = f"it is not clear which of them are the observed data ({others}); none are read, --data NAME chooses"
        notes.add("convention", "data sets", what)
        return None
    if len(names) > 1 or names != [_OBSERVED]:
        notes.add("convention", "data sets", f"the observed data are {names[observed[0]]!r} (of {others}; --data NAME)")
    return sets[observed[0]]


def counts(
    roofit: RooFit, data: Object, regions: Sequence[Region], category: Object | None, notes: Notes
) -> dict[str, list[float]]:
    """Events per bin of each channel, x running fastest.

    Parameters
    ----------
    category
        what tells the channels apart; ``None`` where there is one channel.
    notes
        is told where ROOT would count otherwise.

    Raises
    ------
    FormatError
        The data are not of these channels.
    """
    found = {region.name: [0.0] * len(region.samples[0].nominal) for region in regions}
    by_name = {region.name: region for region in regions}
    events = _cells(roofit, data) if data[CLASS] == "RooDataHist" else _events(roofit, data)
    channel = regions[0].name
    for state, values, weight in events:
        if category is not None:
            channel = state.get(name_of(category), "")
        region = by_name.get(channel)
        if region is None:
            continue  # of a channel that the model does not have
        if not isfinite(weight):
            raise FormatError(f"{roofit.source}: data set {name_of(data)!r} has a weight of {weight}")
        if weight:
            found[channel][_bin(roofit, data, region, values)] += weight
    if data[CLASS] == "RooDataHist" and len({region.observables for region in regions}) > 1:
        what = (
            f"the RooDataHist {name_of(data)!r} has bins of all observables for each channel; ROOT, where it evaluates "
            "the pdf with it, counts what is expected once for each bin of the other channels' observables, too"
        )
        notes.add("convention", "data sets", what)
    return found


def _bin(roofit: RooFit, data: Object, region: Region, values: Mapping[str, float]) -> int:
    at, step = 0, 1
    for observable, edges in zip(region.observables, region.edges, strict=True):
        value = values.get(observable)
        if value is None or not edges[0] <= value <= edges[-1]:
            raise FormatError(
                f"{roofit.source}: data set {name_of(data)!r} has an event with {observable} = {value}, outside the "
                f"bins of channel {region.name!r}"
            )
        at, step = at + step * min(bisect_right(edges, value) - 1, len(edges) - 2), step * (len(edges) - 1)
    return at


def _events(roofit: RooFit, data: Object) -> Iterable[tuple[dict[str, str], dict[str, float], float]]:
    """The events of a RooDataSet: states of categories, values of variables, weight."""
    if data[CLASS] != "RooDataSet":
        roofit.refuse(data, "is no data set that can be read")
    _, store = roofit.target(data, "_dstore")
    if store[CLASS] != "RooVectorDataStore":
        roofit.refuse(store, f"keeps the data {name_of(data)!r} in a way that cannot be read")
    columns: dict[str, list[float]] = {}
    for member in ("_realStoreList", "_realfStoreList"):
        for _, column in roofit.listed(store, member):
            variable = roofit.target(column, "_nativeReal")[1]
            columns[name_of(variable)] = [float(v) for v in roofit.numbers(column, "_vec")]
    states: dict[str, list[str]] = {}
    for _, column in roofit.listed(store, "_catStoreList"):
        category = roofit.target(column, "_cat")[1]
        labels = roofit.states(category)
        items = column.get("_vec")
        plain = [v.get("_value") if isinstance(v, Mapping) else v for v in items] if isinstance(items, list) else None
        numbers = roofit.numbers({**column, "_vec": plain}, "_vec")
        states[name_of(category)] = [labels.get(number, "") for number in numbers]
    weights = store.get("_wgtVar")
    lengths = {len(column) for column in columns.values()} | {len(column) for column in states.values()}
    n = max(lengths, default=0)
    weight = [1.0] * n if weights is None else columns.get(name_of(roofit.graph.at(weights)))
    if weight is None or len(lengths) > 1:
        raise Damaged(f"data set {name_of(data)} has columns of different lengths, or no weights")
    for i in range(n):
        yield {k: v[i] for k, v in states.items()}, {k: v[i] for k, v in columns.items()}, weight[i]


def _cells(roofit: RooFit, data: Object) -> Iterable[tuple[dict[str, str], dict[str, float], float]]:
    """The same of a RooDataHist, whose cells lie at the centres of bins."""
    variables = [one for _, one in roofit.listed(data, "_vars")]
    labels: list[Sequence[str] | None] = []
    centres: list[Sequence[float]] = []
    for one in variables:
        is_category = one[CLASS] == "RooCategory"
        labels.append(roofit.order(one) if is_category else None)
        edges = () if is_category else roofit.edges(one)
        centres.append([(a + b) / 2 for a, b in pairwise(edges)])
    for index, weight in roofit.cells(data):
        state: dict[str, str] = {}
        values: dict[str, float] = {}
        for one, i, of_category, of_axis in zip(variables, index, labels, centres, strict=True):
            if i >= len(of_axis if of_category is None else of_category):
                raise Damaged(f"RooDataHist {name_of(data)} has no order")
            if of_category is None:
                values[name_of(one)] = of_axis[i]
            else:
                state[name_of(one)] = of_category[i]
        yield state, values, weight
