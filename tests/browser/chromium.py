"""What scripts/browser-env.sh does with a Chromium: unpacks the pinned one, and tries whether one works.

    chromium.py unpack ARCHIVE LOCK FOLDER   unpacks the npm package ARCHIVE, if it is the one of LOCK, into FOLDER
    chromium.py try BROWSER RECORD           exit 0 if BROWSER opens a page; RECORD remembers that it did

The reason of a failure is on standard error. Exit 1: it does not work. Exit 4: the archive is not the pinned one.
"""

import base64
import hashlib
import io
import os
import pathlib
import stat
import subprocess
import sys
import tarfile

# The wrapper is what everything else calls the browser. The folder `lib` is there only if the machine lacks NSS.
WRAPPER = """#!/bin/sh
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
export FONTCONFIG_FILE="$here/fonts.conf"
if [ -d "$here/lib" ]; then
    export LD_LIBRARY_PATH="$here/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
fi
exec "$here/chromium-headless" "$@"
"""

# The font of the package comes first, so that text is equally wide everywhere; those of the machine fill in for signs
# that it lacks.
FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir prefix="relative">fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
  <alias binding="strong"><family>sans-serif</family><prefer><family>Open Sans</family></prefer></alias>
  <alias binding="strong"><family>system-ui</family><prefer><family>Open Sans</family></prefer></alias>
  <alias><family>monospace</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
</fontconfig>
"""


def sandbox() -> bool:
    """Chromium refuses to run as root with its sandbox; everybody else keeps it."""
    return os.geteuid() != 0


def integrity(archive: pathlib.Path) -> str:
    """The integrity of a file as npm writes it."""
    return "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()


def locked(lock: pathlib.Path) -> tuple[str, str, str]:
    """Name, version and integrity of the pinned package."""
    lines = [line.split() for line in lock.read_text().splitlines() if line.strip() and not line.startswith("#")]
    if len(lines) != 1 or len(lines[0]) != 3:
        sys.exit(f"{lock}: expected one line of three words: package, version, integrity")
    name, version, wanted = lines[0]
    return name, version, wanted


def unpack(archive: pathlib.Path, lock: pathlib.Path, folder: pathlib.Path) -> None:
    import brotli

    name, version, wanted = locked(lock)
    found = integrity(archive)
    if found != wanted:
        print(f"{archive} is not {name} {version} of {lock}: expected {wanted}, found {found}", file=sys.stderr)
        sys.exit(4)
    binary = folder / "chromium-headless"
    with tarfile.open(archive) as package:
        # 200 MB unpacked: piece by piece.
        source, unpacker = member(package, "chromium.br"), brotli.Decompressor()
        with binary.open("wb") as target:
            while piece := source.read(1 << 20):
                target.write(unpacker.process(piece))
        if not unpacker.is_finished():
            sys.exit(f"{archive}: bin/chromium.br ends early")
        binary.chmod(0o755)
        unpack_tar(brotli.decompress(member(package, "fonts.tar.br").read()), folder)
        (folder / "fonts.conf").write_text(FONTS)
        wrapper = folder / "chromium"
        wrapper.write_text(WRAPPER)
        wrapper.chmod(0o755)
        if version_of(wrapper) is None:
            # Mostly NSS, which a small machine lacks; the package has that of Amazon Linux.
            unpack_tar(brotli.decompress(member(package, "al2023.tar.br").read()), folder)


def member(package: tarfile.TarFile, name: str):
    found = package.extractfile(f"package/bin/{name}")
    if found is None:
        sys.exit(f"bin/{name} of the package is not a file")
    return found


def unpack_tar(data: bytes, folder: pathlib.Path) -> None:
    """Regular files below fonts/ and lib/ only; nothing else in these archives is needed."""
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for entry in archive:
            parts = pathlib.PurePosixPath(entry.name).parts
            if not entry.isfile() or parts[0] not in ("fonts", "lib") or ".." in parts:
                continue
            target = folder.joinpath(*parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(archive.extractfile(entry).read())
            target.chmod(0o755 if entry.mode & stat.S_IXUSR else 0o644)


def version_of(browser: pathlib.Path, say: bool = False) -> str | None:
    """What `--version` answers; None if it does not run."""
    try:
        answer = subprocess.run([browser, "--version"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = str(error)
    else:
        if answer.returncode == 0 and answer.stdout.strip():
            return answer.stdout.strip()
        reason = answer.stderr.strip() or f"exit code {answer.returncode}"
    if say:
        print(f"does not run: {reason}", file=sys.stderr)
    return None


def try_browser(browser: pathlib.Path, record: pathlib.Path) -> None:
    version = version_of(browser, say=True)
    if version is None:
        sys.exit(1)
    wanted = f"{browser}\n{version}\n"
    if record.is_file() and record.read_text() == wanted:
        return
    from playwright.sync_api import Error, sync_playwright

    try:
        with sync_playwright() as playwright:
            opened = playwright.chromium.launch(executable_path=browser, chromium_sandbox=sandbox(), timeout=60_000)
            page = opened.new_page()
            page.set_content("<h1>works</h1>")
            works = page.inner_text("h1") == "works" and bool(page.screenshot())
            opened.close()
    except Error as error:
        sys.exit(f"{version} does not open a page: {error}")
    if not works:
        sys.exit(f"{version} does not show a page")
    print(f"{version} works", file=sys.stderr)
    record.write_text(wanted)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["unpack", archive, lock, folder]:
            unpack(pathlib.Path(archive), pathlib.Path(lock), pathlib.Path(folder))
        case ["try", browser, record]:
            try_browser(pathlib.Path(browser), pathlib.Path(record))
        case _:
            sys.exit(__doc__)
