"""From a Workspace to numbers: the compiled likelihood with exact derivatives."""
