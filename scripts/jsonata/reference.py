"""Where the reference implementation is kept and built programs lie."""

import os
import pathlib
import subprocess

CACHE = pathlib.Path(os.environ.get("STEPYARD_CACHE") or pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "stepyard")
TARGET = os.environ.setdefault("CARGO_TARGET_DIR", str(CACHE / "target"))


def installed(version):
    """The folder of modules that has the package `jsonata` of that version."""
    folder = CACHE / f"jsonata-{version}"
    if not (folder / "node_modules" / "jsonata").exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "install", "--silent", "--no-fund", "--no-audit", "--prefix", folder, f"jsonata@{version}"], check=True)
    return folder / "node_modules"
