from hypothesis import given, settings

from hftranslate.workspace import PYHF, ROOT, Workspace
from hftranslate.workspace.functions import settle_functions
from hftranslate.workspace.parameter_names import declared_parameters
from hftranslate.workspace.parameters import beta_name, parameter_sets
from tests.strategies import workspaces


@settings(deadline=None, max_examples=40)
@given(workspaces())
def test_generated_workspaces_have_consistent_parameters(ws: Workspace) -> None:
    declared = declared_parameters(ws.channels)
    for measurement in ws.measurements:
        betas = {beta_name(t.name) for t in measurement.constraint_terms if t.kind == "gamma"}
        for conventions in (ROOT, PYHF):
            made = settle_functions(ws.functions).definitions.keys()  # parameters that only Functions know
            assert parameter_sets(ws, measurement, conventions).keys() <= declared.keys() | betas | made
