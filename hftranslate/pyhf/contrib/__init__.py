"""What is beside pyhf's core: pictures (``viz.brazil``) and downloads (``utils``), each imported by its name."""

__all__: list[str] = []
