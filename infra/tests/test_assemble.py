"""What the end-to-end tests deploy is the real template."""

import copy
import sys

import pytest
from stack import REPOSITORY, TEMPLATE, load

sys.path.insert(0, str(REPOSITORY / "infra"))
import assemble  # noqa: E402


@pytest.fixture
def binaries(tmp_path):
    folder = tmp_path / "debug"
    folder.mkdir()
    for name in assemble.FUNCTIONS:
        (folder / name).write_text(f"#!/bin/sh\necho {name}\n", encoding="utf-8")
    return folder


def test_nothing_differs_but_where_the_code_is(tmp_path, binaries):
    made = assemble.assemble(binaries, tmp_path / "out")
    real, ours = load(), load(made.read_text(encoding="utf-8"))
    expected = copy.deepcopy(real)
    for name in ("Planner", "Chunk", "Finalizer"):
        expected["Resources"][name]["Properties"]["CodeUri"] = name.lower()
    assert ours == expected
    before, after = TEMPLATE.read_text(encoding="utf-8").splitlines(), made.read_text(encoding="utf-8").splitlines()
    changed = [(one, other) for one, other in zip(before, after, strict=True) if one != other]
    assert len(changed) == 3
    assert all("CodeUri: " in one and "CodeUri: " in other for one, other in changed)


def test_each_function_gets_its_binary(tmp_path, binaries):
    made = assemble.assemble(binaries, tmp_path / "out")
    for name in assemble.FUNCTIONS:
        bootstrap = made.parent / name / "bootstrap"
        assert bootstrap.read_bytes() == (binaries / name).read_bytes()
        assert bootstrap.stat().st_mode & 0o111 == 0o111


def test_a_bootstrap_is_replaced_not_overwritten(tmp_path, binaries):
    """The old one may be running, and a binary that runs cannot be written to."""
    out = tmp_path / "out"
    assemble.assemble(binaries, out)
    before = (out / "chunk" / "bootstrap").stat().st_ino
    with (out / "chunk" / "bootstrap").open("rb"):
        assemble.assemble(binaries, out)
        assert (out / "chunk" / "bootstrap").stat().st_ino != before


def test_a_missing_binary_is_named(tmp_path, binaries):
    (binaries / "chunk").unlink()
    with pytest.raises(assemble.AssemblyError, match="cargo build -p dap2zarr-chunk"):
        assemble.assemble(binaries, tmp_path / "out")


@pytest.mark.parametrize("old, new", [("CodeUri: functions/chunk", "CodeUri: ."), ("CodeUri: functions/chunk", "CodeUri: functions/planner")])
def test_another_template_is_refused(old, new):
    with pytest.raises(assemble.AssemblyError):
        assemble.rewrite(TEMPLATE.read_text(encoding="utf-8").replace(old, new))
