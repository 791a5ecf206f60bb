"""The container is built from the lock, runs as nobody in particular, and can write to one place only."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import pytest
import yaml

from tests.house.image import command, environment, is_ignored, shipped_files, stages, values
from tests.house.tree import PACKAGES, ROOT

BUILD, FINAL = stages()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())


def test_both_stages_start_from_the_same_pinned_base() -> None:
    bases = [values(stage, "FROM")[0].split()[0] for stage in (BUILD, FINAL)]
    assert bases[0] == bases[1]
    assert bases[0].startswith("python:3.11-slim-")


def test_libraries_come_from_the_lock_with_their_hashes_and_are_compiled() -> None:
    installs = [value for value in values(BUILD, "RUN") if "pip install" in value]
    assert len(installs) == 1
    assert "--require-hashes" in installs[0]
    assert "--requirement requirements.lock" in installs[0]
    assert "compileall" in installs[0]


def test_the_final_stage_takes_the_built_tree_and_installs_nothing() -> None:
    assert values(FINAL, "COPY") == ["--from=build /app /app"]
    assert not any("pip" in value or "apt-get" in value for value in values(FINAL, "RUN"))


def test_it_runs_as_an_unprivileged_user_who_owns_only_the_volume() -> None:
    user = values(FINAL, "USER")
    assert user == ["10001:10001"]
    assert values(FINAL, "VOLUME") == ["/var/lib/numatix"]
    assert any("--owner=numatix" in value and "/var/lib/numatix" in value for value in values(FINAL, "RUN"))
    last_write = max(index for index, instruction in enumerate(FINAL) if instruction.name in {"RUN", "COPY"})
    assert FINAL[last_write].name == "COPY"


def test_it_listens_to_everyone_and_keeps_its_state_in_the_volume() -> None:
    settings = environment(FINAL)
    assert settings["NUMATIX_HOST"] == "0.0.0.0"
    assert settings["NUMATIX_VAR_DIR"] == "/var/lib/numatix"
    assert settings["PATH"].split(":")[0] == "/app/.venv/bin"
    assert values(FINAL, "EXPOSE") == ["8080"]


def test_it_serves_is_asked_for_its_health_and_stops_when_told() -> None:
    assert command(values(FINAL, "ENTRYPOINT")[0]) == ["python", "-m", "numatix"]
    assert values(FINAL, "STOPSIGNAL") == ["SIGTERM"]
    assert "/healthz" in command(values(FINAL, "HEALTHCHECK")[0])[-1]


def test_the_image_holds_the_five_packages_and_the_lock_and_nothing_else() -> None:
    assert {path.parts[0] for path in shipped_files()} == {*PACKAGES, "requirements.lock"}
    assert not any("__pycache__" in path.parts for path in shipped_files())


@pytest.mark.parametrize(
    ("path", "stays_out"),
    [
        (".venv/bin/python", True),
        (".git/config", True),
        ("var/numatix.db", True),
        ("tests/house/tree.py", True),
        (".env", True),
        ("engine/__pycache__/desk.cpython-311.pyc", True),
        ("engine/simulator/book.py", False),
        ("components/chart.js", False),
        ("requirements.lock", False),
    ],
)
def test_secrets_state_and_tests_stay_out_of_the_build(path: str, *, stays_out: bool) -> None:
    assert is_ignored(PurePosixPath(path)) is stays_out


def test_compose_starts_one_container_that_can_write_to_its_volume_alone() -> None:
    service = only_service()
    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp:size=64m"]
    assert service["volumes"] == ["numatix-var:/var/lib/numatix"]
    assert list(COMPOSE["volumes"]) == ["numatix-var"]


def test_compose_gives_no_privilege_and_publishes_to_this_machine_only() -> None:
    service = only_service()
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert "cap_add" not in service
    assert service["ports"] == ["127.0.0.1:8080:8080"]


def test_compose_leaves_out_a_setting_that_the_shell_does_not_set() -> None:
    """`NAME=${NAME:-}` would hand on an empty value, which is a wrong setting and stops the desk."""
    names: list[str] = only_service()["environment"]
    assert all(name.startswith("NUMATIX_") and "=" not in name for name in names)


def only_service() -> dict[str, Any]:
    assert list(COMPOSE["services"]) == ["numatix"]
    service: dict[str, Any] = COMPOSE["services"]["numatix"]
    return service
