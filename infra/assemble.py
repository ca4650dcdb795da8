#!/usr/bin/env python3
"""Makes what `sam build` would make, from binaries that are there already: a folder that `sam deploy` can deploy.

    infra/assemble.py --binaries target/debug --out .cache/assembled

The folder gets a copy of template.yaml and one folder per function with its `bootstrap`. The copy differs from the original
in the three CodeUri values alone, so what is deployed is the real template. It needs nothing but Python.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
TEMPLATE = REPOSITORY / "template.yaml"
FUNCTIONS = ("planner", "chunk", "finalizer")
CODE_URI = re.compile(r"^(?P<key> +CodeUri: )functions/(?P<name>[a-z]+)$", re.MULTILINE)


class AssemblyError(Exception):
    """The template or the binaries are not as expected."""


def rewrite(template: str) -> str:
    """The template with each function's package replaced by the folder that holds its bootstrap."""
    found = [match["name"] for match in CODE_URI.finditer(template)]
    if sorted(found) != sorted(FUNCTIONS) or template.count("CodeUri:") != len(FUNCTIONS):
        raise AssemblyError(f"expected one line `CodeUri: functions/NAME` for each of {FUNCTIONS}, found {found}")
    return CODE_URI.sub(r"\g<key>\g<name>", template)


def place(binary: Path, bootstrap: Path, strip: bool) -> None:
    """Puts a binary in place as a new file: the old one may be running."""
    if not binary.is_file():
        raise AssemblyError(f"there is no {binary}; build it with `cargo build -p dap2zarr-{binary.name}`")
    bootstrap.parent.mkdir(parents=True, exist_ok=True)
    fresh = bootstrap.with_name("bootstrap.new")
    fresh.unlink(missing_ok=True)
    if strip:
        subprocess.run(["strip", "-o", fresh, binary], check=True)
    else:
        shutil.copyfile(binary, fresh)
    fresh.chmod(0o755)
    os.replace(fresh, bootstrap)


def assemble(binaries: Path, out: Path, strip: bool = False, template: Path = TEMPLATE) -> Path:
    """Fills `out`, and returns the template in it."""
    text = rewrite(template.read_text(encoding="utf-8"))
    for name in FUNCTIONS:
        place(binaries / name, out / name / "bootstrap", strip)
    made = out / "template.yaml"
    made.write_text(text, encoding="utf-8")
    return made


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--binaries", type=Path, required=True, help="the folder with planner, chunk and finalizer")
    parser.add_argument("--out", type=Path, required=True, help="the folder to fill")
    parser.add_argument("--strip", action="store_true", help="leave debug information out: smaller uploads")
    arguments = parser.parse_args()
    try:
        print(assemble(arguments.binaries, arguments.out, arguments.strip))
    except (AssemblyError, OSError, subprocess.CalledProcessError) as error:
        print(f"assemble: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
