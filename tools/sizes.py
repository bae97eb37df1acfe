"""`make sizes`: what `pip install locust-lockstep` brings, without extras and with each: packages and MB."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from tools.release import build

EXTRAS = ("", "[server]", "[report]", "[profile]", "[all]")


def installed(wheel: Path, extra: str, home: Path) -> tuple[int, float]:
    """Packages, and MB in site-packages (without bytecode), of a new environment."""
    venv.create(home)
    pip = (sys.executable, "-m", "pip", "--python", home / "bin" / "python")
    requirement = f"locust-lockstep{extra} @ {wheel.as_uri()}"
    subprocess.run([*pip, "install", "--quiet", "--no-compile", requirement], check=True)
    (packages,) = home.glob("lib/python*/site-packages")
    files = sum(file.stat().st_size for file in packages.rglob("*") if file.is_file())
    return len(list(packages.glob("*.dist-info"))), files / 1e6


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        wheel, sdist = build(Path(folder))
        for made in (wheel, sdist):
            print(f"{made.name}: {made.stat().st_size / 1e3:.0f} kB")
        for extra in EXTRAS:
            count, size_mb = installed(wheel, extra, Path(folder) / f"with{extra}")
            print(f"locust-lockstep{extra:<10} {count:3} packages {size_mb:6.0f} MB")


if __name__ == "__main__":
    main()
