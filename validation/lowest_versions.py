"""The lowest versions that pyproject.toml allows, as constraints for pip: what one lane of the tests installs."""

import re
import tomllib
from pathlib import Path

PROJECT = tomllib.loads((Path(__file__).resolve().parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = ("plot", "hist", "dask", "hepdata")

if __name__ == "__main__":
    extras = PROJECT["optional-dependencies"]
    for requirement in [*PROJECT["dependencies"], *(r for name in EXTRAS for r in extras[name])]:
        print(re.sub(r"\[\w+\]|>=", lambda m: "==" if m[0] == ">=" else "", requirement))
