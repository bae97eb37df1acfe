"""The table of settings agrees with docker-compose.yml, the server's flags and the documentation."""

from __future__ import annotations

import importlib.util
import re

from lockstep.plan import Plan
from lockstep.settings import COMPOSE_VARIABLES, GUARDS, OBSERVERS, SETTINGS, Where
from lockstep_server.flags import FLAGS
from lockstep_wire.listeners import USUAL_LISTENERS
from tests.support.server import ROOT

COMPOSE = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
OF_COMPOSE = {each.name for each in COMPOSE_VARIABLES}


def environment_of(service: str, how: str = ":") -> set[str]:
    """The LOCKSTEP_ variables that Compose sets, or passes on, for a service. how: what follows the name."""
    _, _, rest = COMPOSE.partition(f"\n  {service}:\n")
    mine = re.split(r"\n  \w+:\n", rest)[0]
    return set(re.findall(rf"^      (LOCKSTEP_\w+){how}", mine, re.MULTILINE))


def test_compose_passes_on_what_the_table_says() -> None:
    passed_on = {setting.variable for setting in SETTINGS if Where.COMPOSE in setting.where}
    assert environment_of("master", ":$") == passed_on | OF_COMPOSE | {each.name for each in GUARDS}
    # What it tells its master of itself.
    assert environment_of("master", ": .+") == {"LOCKSTEP_ADMIN", "LOCKSTEP_OUT", "LOCKSTEP_COMPOSE"}


def test_compose_gives_the_server_flags_that_it_has() -> None:
    assert environment_of("server")
    assert environment_of("server") <= {flag.variable for flag in FLAGS}


def test_what_is_handed_to_the_server_it_takes() -> None:
    flags = {flag.name: flag for flag in FLAGS}
    for setting in (each for each in SETTINGS if each.to_server):
        assert setting.usual is not None
        for value in (setting.usual, *setting.offered):
            flags[setting.name].parse(value)


def test_composes_own_defaults_are_those_of_the_table() -> None:
    used = dict(re.findall(r"\$\{(LOCKSTEP_\w+):-([^}]*)\}", COMPOSE))
    assert used == {each.name: each.default for each in (*COMPOSE_VARIABLES, *OBSERVERS)}


def test_what_is_compared_by_default_is_usually_offered() -> None:
    assert set(Plan().modes) <= set(USUAL_LISTENERS)


def test_what_make_settings_writes_is_as_the_tables_are() -> None:
    spec = importlib.util.spec_from_file_location("settings_page", ROOT / "docs" / "settings.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    written = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert written == module.page(), "make settings renews it"
    assert module.compose_file(COMPOSE) == COMPOSE, "make settings renews it"
