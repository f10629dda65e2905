"""Generated workspaces that a model can be made of."""

from hypothesis import reject

from hftranslate.errors import InvalidWorkspace
from hftranslate.likelihood.compile import compile_model
from hftranslate.likelihood.model import Data, Model
from hftranslate.workspace import Workspace


def compiled(workspace: Workspace, measurement: str | None = None) -> tuple[Model, Data]:
    """The likelihood; an example whose initial values lie outside their ranges is none."""
    try:
        return compile_model(workspace, measurement)
    except InvalidWorkspace as error:
        if "outside its range" not in str(error):
            raise
        reject()
