"""`make release`: wheel and sdist of this commit in dist/, checked, and the tag that CHANGELOG.md names.

Nothing is uploaded. What stands in the way is one line on stderr and exit code 2, before anything is made.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from packaging.metadata import Metadata

from lockstep_wire.build import VERSION

ROOT = Path(__file__).resolve().parents[1]
UV = Path(sys.executable).parent / "uv"
SECTION = re.compile(r"^## \[(?P<version>\d[^\]]*)\](?: - (?P<date>\d{4}-\d\d-\d\d))?\s*$", re.MULTILINE)


class RefusalError(Exception):
    """Why there is no release; the message says what to do."""


def newest_section(changelog: str) -> tuple[str, str]:
    """Version and date of the first section that is a release. RefusalError without one, or its date."""
    found = SECTION.search(changelog)
    if found is None:
        raise RefusalError(
            "CHANGELOG.md says only Unreleased: write ## [X.Y.Z] - YYYY-MM-DD above what is released"
        )
    if found["date"] is None:
        raise RefusalError(f"CHANGELOG.md gives {found['version']} no date: write - YYYY-MM-DD behind it")
    return found["version"], found["date"]


def git(*arguments: str) -> str:
    """What git says, here."""
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def check_the_ground() -> str:
    """The tag to make. RefusalError where tree, CHANGELOG and version do not agree on a new one."""
    if changed := git("status", "--porcelain"):
        raise RefusalError(
            f"there are changes that are not committed, {changed.splitlines()[0].strip()!r} first"
        )
    version, _ = newest_section((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    if version != VERSION:
        raise RefusalError(
            f"CHANGELOG.md's newest section is {version}, lockstep_wire.build.VERSION is {VERSION}"
        )
    tag = f"v{version}"
    if git("tag", "--list", tag):
        raise RefusalError(f"the tag {tag} is there already: a new release needs a new version")
    return tag


def build(out: Path) -> tuple[Path, Path]:
    """Wheel and sdist of the commit, of its files alone, whatever else lies in the checkout."""
    with tempfile.TemporaryDirectory() as source:
        archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, capture_output=True).stdout
        subprocess.run(["tar", "x", "-C", source], input=archive, check=True)
        flags = ("--quiet", "--offline", "--no-build-isolation", "--python", sys.executable)
        subprocess.run([UV, "build", *flags, "--out-dir", out, source], check=True)
    name = f"locust_lockstep-{VERSION}"
    return out / f"{name}-py3-none-any.whl", out / f"{name}.tar.gz"


def check(wheel: Path, sdist: Path) -> None:
    """RefusalError where metadata or version are wrong, or a package does not say that it is typed."""
    with zipfile.ZipFile(wheel) as files:
        names = files.namelist()
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        texts = [files.read(metadata)]
    with tarfile.open(sdist) as members:
        info = members.extractfile(f"{sdist.name.removesuffix('.tar.gz')}/PKG-INFO")
        assert info is not None
        texts.append(info.read())
    for text in texts:
        parsed = Metadata.from_email(text)  # an ExceptionGroup names each field that is not valid
        if str(parsed.version) != VERSION or not parsed.description:
            raise RefusalError(f"built {parsed.version}, with a description: {bool(parsed.description)}")
    for package in ("lockstep", "lockstep_server", "lockstep_wire"):
        if f"{package}/py.typed" not in names:
            raise RefusalError(f"{wheel.name} has no {package}/py.typed")


def main() -> int:
    """Check, build, check, tag."""
    try:
        tag = check_the_ground()
        wheel, sdist = build(ROOT / "dist")
        check(wheel, sdist)
    except RefusalError as refusal:
        print(f"release: {refusal}", file=sys.stderr)
        return 2
    git("tag", "--annotate", tag, "--message", f"Lockstep {VERSION}")
    print(f"release: dist/{wheel.name}, dist/{sdist.name}, tag {tag}; nothing is uploaded")
    return 0


if __name__ == "__main__":
    sys.exit(main())
