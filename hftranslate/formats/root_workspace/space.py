"""A RooWorkspace that is a HistFactory model to a Workspace, where no Measurement lies beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from hftranslate.errors import InvalidWorkspace, MissingInput, Unsupported, did_you_mean
from hftranslate.formats.histfactory_xml.collisions import separate
from hftranslate.formats.histfactory_xml.grammar import Notes
from hftranslate.formats.root_workspace import channels as of_channels
from hftranslate.formats.root_workspace.channels import Density
from hftranslate.formats.root_workspace.data_sets import chosen, counts
from hftranslate.formats.root_workspace.graph import CLASS, At, Graph
from hftranslate.formats.root_workspace.modifiers import Builder, luminosity_of, variables_of
from hftranslate.formats.root_workspace.roofit import RooFit, name_of
from hftranslate.formats.root_workspace.settings import with_settings
from hftranslate.formats.root_workspace.streamed import Object
from hftranslate.formats.root_workspace.terms import terms_of
from hftranslate.workspace import ROOT, HistoSys, Measurement, NormSys, Workspace
from hftranslate.workspace.map import all_modifiers
from hftranslate.workspace.parameter_names import declared_parameters

MODEL_CONFIG = "RooStats::ModelConfig"
_SIMULTANEOUS = "RooSimultaneous"


def workspace_of(graph: Graph, source: str, measurement: str | None, data: str | None, notes: Notes) -> Workspace:
    """The model of a RooWorkspace.

    Parameters
    ----------
    graph
        the RooWorkspace.
    source
        what to call the file in messages.
    measurement
        the name of the ModelConfig that is wanted; ``None``: all that have the same pdf.
    data
        the name of the data set that is wanted; ``None``: the observed data.
    notes
        is told what did not pass unchanged.

    Raises
    ------
    InputError
        It is no HistFactory model; the message names what is none.
    """
    return _made(RooFit(graph, source), measurement, data, notes)[0]


def names_of(graph: Graph, source: str) -> dict[str, str]:
    """The names that HistFactory gives those variables of a model that have others in the file.

    Raises
    ------
    InputError
        It is no HistFactory model, or has several.
    """
    _, builder = _made(RooFit(graph, source), None, None, Notes())
    return {builder.roofit.variable(at).name: name for at, name in builder.called.items()}


def _made(roofit: RooFit, measurement: str | None, data: str | None, notes: Notes) -> tuple[Workspace, Builder]:
    graph, source = roofit.graph, roofit.source
    configs, pdf = _configs(roofit, measurement)
    apart = of_channels.density(roofit, pdf)
    regions = [of_channels.region(roofit, name, sum_) for name, sum_ in apart.channels.items()]
    known = {at for config in configs for at in _set(roofit, config, "fGlobalObsName")}
    terms = terms_of(roofit, apart.terms, variables_of(roofit, regions), known)
    builder = Builder(roofit=roofit, terms=terms, notes=notes, lumi=luminosity_of(roofit, regions, terms))
    observed = _observed(roofit, regions, apart, data, notes)
    try:
        made = [builder.channel(region, observed.get(region.name)) for region in regions]
        channels, functions = separate(made, tuple(builder.functions.values()), notes)
        systematics = (m for m in all_modifiers(channels) if isinstance(m, NormSys | HistoSys))
        called = {m.stem or m.name: m.name for m in systematics}
        terms_ = tuple(replace(t, name=called.get(t.name, t.name)) for t in builder.constraint_terms.values())
        plain = [
            Measurement(
                name=name_of(config) if config else graph.name, pois=_pois(builder, config), constraint_terms=terms_
            )
            for config in configs or [{}]
        ]
        workspace = Workspace(
            channels=tuple(channels), measurements=tuple(plain), functions=functions, conventions=ROOT
        )
        names = _names(workspace)
        measurements = []
        for each in plain:
            set_ = with_settings(workspace, each, builder.roots, notes)
            measurements.append(_replace_pois(set_, names))
    except InvalidWorkspace as error:
        raise InvalidWorkspace(f"{source}: {error}") from None
    return replace(workspace, measurements=tuple(measurements)), builder


def _configs(roofit: RooFit, wanted: str | None) -> tuple[list[Object], Object]:
    """The ModelConfigs that are wanted, and their pdf."""
    configs = model_configs(roofit)
    names = [name_of(config) for config in configs]
    if wanted is not None:
        if wanted not in names:
            raise MissingInput(f"{roofit.source} has no ModelConfig {wanted!r}" + did_you_mean(wanted, names))
        configs = [configs[names.index(wanted)]]
    pdfs = {str(config.get("fPdfName")) for config in configs}
    nodes = {name_of(one): one for _, one in roofit.listed(roofit.graph.top, "_allOwnedNodes") if "_rawValue" in one}
    if not configs:
        pdfs = {name for name, one in nodes.items() if one[CLASS] == _SIMULTANEOUS}
    if len(pdfs) > 1:
        raise Unsupported(
            f"{roofit.source}: RooWorkspace {roofit.graph.name!r} has several models ({', '.join(sorted(pdfs))}); "
            f"choose one of {', '.join(map(repr, names))} with --measurement"
        )
    if not pdfs or not pdfs <= nodes.keys():
        what = f"has no pdf {pdfs.pop()!r}" if pdfs else "has neither a ModelConfig nor a RooSimultaneous"
        raise Unsupported(f"{roofit.source}: RooWorkspace {roofit.graph.name!r} {what}")
    for config in configs:
        if config.get("fExtConstraintsName"):
            roofit.refuse(config, "has external constraints")
    return configs, nodes[pdfs.pop()]


def model_configs(roofit: RooFit) -> list[Object]:
    """The ModelConfigs of a RooWorkspace, which may lie in wrappers."""
    found = []
    for _, one in roofit.listed(roofit.graph.top, "_genObjects"):
        inside = [inner for _, inner in roofit.listed(one, "_list")] if "_list" in one else []
        found += [each for each in (one, *inside) if each[CLASS] == MODEL_CONFIG]
    return found


def snapshot_of(roofit: RooFit, name: str) -> dict[str, float]:
    """The values of a snapshot, by the names of the variables.

    Raises
    ------
    MissingInput
        There is none of that name.
    """
    found = {name_of(one): one for _, one in roofit.listed(roofit.graph.top, "_snapshots")}
    if name not in found:
        raise MissingInput(
            f"RooWorkspace {roofit.graph.name!r} has no snapshot {name!r}"
            + (did_you_mean(name, found) or f"; it has {', '.join(map(repr, found)) or 'none'}")
        )
    places = [at for at, one in roofit.listed(found[name], "_list") if one[CLASS] in ("RooRealVar", "RooConstVar")]
    return {variable.name: variable.value for variable in map(roofit.variable, places)}


def _set(roofit: RooFit, config: Object, member: str) -> list[At]:
    """Where the variables of a named set lie."""
    sets = roofit.graph.top.get("_namedSets")
    found = sets.get(config.get(member)) if isinstance(sets, Mapping) else None
    return [at for at, _ in roofit.listed(found, "_list")] if isinstance(found, dict) else []


def _pois(builder: Builder, config: Object) -> tuple[str, ...]:
    places = _set(builder.roofit, config, "fPOIName")
    return tuple(builder.called.get(at) or builder.roofit.variable(at).name for at in places)


def _observed(
    roofit: RooFit, regions: Sequence[of_channels.Region], apart: Density, wanted: str | None, notes: Notes
) -> dict[str, tuple[float, ...]]:
    """Observed events by channel; nothing where there are no data."""
    sets = [one for _, one in roofit.listed(roofit.graph.top, "_dataList")]
    data = chosen(roofit, sets, wanted, notes)
    if data is None:
        return {}
    return {name: tuple(found) for name, found in counts(roofit, data, regions, apart.category, notes).items()}


def _names(workspace: Workspace) -> dict[str, str]:
    """pyhf's names by ROOT's."""
    return {
        root: name
        for declared in declared_parameters(workspace.channels).values()
        for root, name in zip(declared.root_names, declared.names, strict=True)
    }


def _replace_pois(measurement: Measurement, names: Mapping[str, str]) -> Measurement:
    return Measurement(
        name=measurement.name,
        pois=tuple(names.get(poi, poi) for poi in measurement.pois),
        parameters=measurement.parameters,
        constraint_terms=measurement.constraint_terms,
    )
