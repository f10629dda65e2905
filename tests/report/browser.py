"""A page in a real browser, asked by a script of the tests that has it in frames of several widths."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")


def seen_in_browser(pages: dict[str, str], folder: Path) -> dict[str, Any]:
    """What ``asks.html`` of some pages writes into its element ``says``; nothing may be said on the console.

    Parameters
    ----------
    pages
        contents of the files by their names, ``asks.html`` among them.
    folder
        where they are written.
    """
    for name, content in pages.items():
        (folder / name).write_text(content, encoding="utf-8")
    flags = ("headless", "no-sandbox", "disable-gpu", "allow-file-access-from-files", "enable-logging=stderr")
    options = [f"--{flag}" for flag in flags]
    options += [f"--user-data-dir={folder / 'profile'}", "--window-size=2000,1000", "--virtual-time-budget=60000"]
    command = [str(BROWSER), *options, "--dump-dom", (folder / "asks.html").as_uri()]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "CONSOLE" not in shown.stderr
    says: dict[str, Any] = json.loads(re.findall(r'<pre id="says">(.*?)</pre>', shown.stdout)[0])
    assert set(says) == {"1920", "1280", "390"}
    return says
