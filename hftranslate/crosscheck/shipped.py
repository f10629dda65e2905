"""What is installed with the package and is no part of it."""

from pathlib import Path

from hftranslate.errors import MissingInput


def beside_package(installed: str, in_repository: str) -> Path:
    """Where a file or folder lies: beside the installed package, or in the repository.

    Raises
    ------
    MissingInput
        It was not installed.
    """
    package = Path(__file__).resolve().parent
    for path in (package / installed, package.parents[1] / in_repository):
        if path.exists():
            return path
    raise MissingInput(f"{in_repository} was not installed with the package")
