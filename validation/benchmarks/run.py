"""All benchmarks of speed, one after the other, on whatever models are here; see README.md in this folder."""

import argparse
import subprocess
import sys
from pathlib import Path

from provenance import provenance

HERE = Path(__file__).resolve().parent
#: Scripts with their arguments: in full, and to see in minutes whether something became slow.
SCRIPTS: dict[str, tuple[list[str], list[str]]] = {
    "speed.py": ([], ["--engines", "ours", "pyhf", "--repeat", "1", "--timeout", "60", "--no-store"]),
    "growth.py": ([], ["--quick"]),
    "translate.py": ([], ["--histograms", "9000", "--repeat", "1", "--ours-only", "--no-store"]),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="minutes instead of half an hour")
    options = parser.parse_args()
    print("\n".join(f"{name}: {fact}" for name, fact in provenance().items()))
    failed = []
    for script, arguments in SCRIPTS.items():
        print(f"\n## {script}\n", flush=True)
        command = [sys.executable, str(HERE / script), *arguments[options.quick]]
        if subprocess.run(command, check=False).returncode != 0:
            failed.append(script)
    if failed:
        sys.exit(f"without a result: {', '.join(failed)}")


if __name__ == "__main__":
    main()
