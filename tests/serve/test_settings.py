"""Each wrong setting stops the program with one line that names it, its fault and the mend."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from numatix.settings import (
    PublicAddress,
    Settings,
    SettingsError,
    load_settings,
    prepare_var_dir,
    public_address,
    secret_key,
)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """None of this machine's own settings."""
    for name in list(os.environ):
        if name.startswith("NUMATIX_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NUMATIX_VAR_DIR", str(tmp_path / "var"))
    return monkeypatch


def loaded(monkeypatch: pytest.MonkeyPatch, **settings: str) -> Settings:
    for name, value in settings.items():
        monkeypatch.setenv(f"NUMATIX_{name.upper()}", value)
    return load_settings()


def test_without_any_setting_it_listens_on_loopback_alone() -> None:
    settings = load_settings()
    assert (settings.host, settings.port, settings.simulator_port) == ("127.0.0.1", 8080, 8090)
    assert settings.registration == "invite"
    assert settings.secret_key is None


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("port", "http", "8080"),
        ("port", "65536", "65535"),
        ("port", "-1", "NUMATIX_PORT"),
        ("simulator_port", "x", "8090"),
        ("simulator_seed", "lucky", "whole number"),
        ("simulator_flow", "random", "synthetic"),
        ("simulator_url", "127.0.0.1:8090", "http://simulator:8090"),
        ("public_url", "desk.example.org", "https://desk.example.org"),
        ("public_url", "ftp://desk.example.org", "http(s)://"),
        ("public_url", "https://desk.example.org/path", "http(s)://"),
        ("public_url", "https://desk.example.org:99999", "NUMATIX_PUBLIC_URL"),
        ("public_url", "https://me:hidden-word@desk.example.org", "http(s)://"),
        ("public_url", "https://desk.example.org/#there", "http(s)://"),
        ("public_url", "https://desk example", "http(s)://"),
        ("simulator_url", "http://simulator:8090?token=x", "http(s)://"),
        ("trusted_proxies", "10.0.0.0/33", "10.0.0.0/8"),
        ("trusted_proxies", "proxy", "10.0.0.0/8"),
        ("registration", "maybe", "invite, open or closed"),
        ("database_url", "mysql://u:hidden-word@db/n", "no address of a SQLite or PostgreSQL database"),
        ("redis_url", "http://:hidden-word@cache/0", "redis://HOST:6379/0"),
        ("redis_url", "redis://:hidden-word@cache/first", "redis://HOST:6379/0"),
        ("redis_url", "redis:///0", "redis://HOST:6379/0"),
        ("redis_url", "unix://", "redis://HOST:6379/0"),
        ("redis_url", "redis://:hidden-word@cache:66666/0", "NUMATIX_REDIS_URL"),
        ("secret_key", "hidden-word", "at least 32"),
        ("metrics_token", "hidden-word", "at least 16"),
        ("binance_testnet_url", "testnet", "http://127.0.0.1:8190"),
    ],
)
def test_a_wrong_setting_is_one_line_with_its_name_its_fault_and_the_mend(
    environment: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        loaded(environment, **{name: value})
    line = str(refused.value)
    assert "\n" not in line
    assert f"NUMATIX_{name.upper()}" in line
    assert words in line
    assert "hidden-word" not in line
    assert line.endswith(".")


@pytest.mark.parametrize(
    ("name", "near"),
    [("NUMATIX_PROT", "NUMATIX_PORT"), ("NUMATIX_OWNER_PASS", "NUMATIX_OWNER_PASSWORD"), ("NUMATIX_X", "NUMATIX_")],
)
def test_an_unknown_setting_is_refused_with_the_nearest(environment: pytest.MonkeyPatch, name: str, near: str) -> None:
    environment.setenv(name, "1")
    with pytest.raises(SettingsError, match=f"{name} is no setting of Numatix: did you mean {near}"):
        load_settings()


def test_an_empty_setting_is_an_unset_one(environment: pytest.MonkeyPatch) -> None:
    assert loaded(environment, redis_url="", port="", owner_email="", owner_password="").port == 8080


@pytest.mark.parametrize("pair", [("owner_email", "a@b.c"), ("owner_password", "x" * 10), ("simulator_token", "x")])
def test_what_belongs_together_is_asked_for_together(environment: pytest.MonkeyPatch, pair: tuple[str, str]) -> None:
    with pytest.raises(SettingsError, match="is missing"):
        loaded(environment, **dict([pair]))


@pytest.mark.parametrize("name", ["secret_key", "owner_password", "simulator_token"])
def test_secrets_come_from_files_too(environment: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    file = tmp_path / "secret"
    file.write_text("a secret of at least thirty-two characters\n")
    environment.setenv("NUMATIX_OWNER_EMAIL", "a@b.c")
    environment.setenv("NUMATIX_SIMULATOR_URL", "http://simulator:8090")
    for other in {"owner_password", "simulator_token"} - {name}:
        environment.setenv(f"NUMATIX_{other.upper()}", "x" * 40)
    settings = loaded(environment, **{f"{name}_file": str(file)})
    assert getattr(settings, name).get_secret_value() == "a secret of at least thirty-two characters"
    assert "thirty-two" not in repr(settings)
    environment.setenv(f"NUMATIX_{name.upper()}", "x" * 40)
    with pytest.raises(SettingsError, match="are both set"):
        load_settings()


def test_a_secret_file_that_cannot_be_read_is_one_line(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"NUMATIX_SECRET_KEY_FILE.*cannot be read"):
        loaded(environment, secret_key_file=str(tmp_path / "nothing"))
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(SettingsError, match="which is empty"):
        loaded(environment, secret_key_file=str(tmp_path / "empty"))


def test_settings_cannot_be_changed(environment: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().port = 1


# --- the key


def test_the_key_is_made_once_for_its_owner_alone(environment: pytest.MonkeyPatch) -> None:
    settings = load_settings()
    var_dir = prepare_var_dir(settings)
    key = secret_key(settings, var_dir)
    assert len(key) >= 32
    assert secret_key(settings, var_dir) == key
    assert (var_dir / "secret_key").stat().st_mode & 0o777 == 0o600


def test_a_key_that_others_can_read_is_closed_to_them(environment: pytest.MonkeyPatch) -> None:
    settings = load_settings()
    var_dir = prepare_var_dir(settings)
    key = secret_key(settings, var_dir)
    (var_dir / "secret_key").chmod(0o644)
    assert secret_key(settings, var_dir) == key
    assert (var_dir / "secret_key").stat().st_mode & 0o777 == 0o600


# --- the address


@pytest.mark.parametrize(
    ("settings", "url", "cookie"),
    [
        ({}, "http://127.0.0.1:8080", "numatix"),
        ({"host": "0.0.0.0"}, "http://localhost:8080", "numatix"),
        ({"host": "::"}, "http://localhost:8080", "numatix"),
        ({"host": "::1"}, "http://[::1]:8080", "numatix"),
        ({"public_url": "https://Desk.Example.org/"}, "https://desk.example.org", "__Host-numatix"),
        ({"public_url": "http://desk.lan:8080"}, "http://desk.lan:8080", "numatix"),
    ],
)
def test_the_public_address_decides_the_cookies_name(
    environment: pytest.MonkeyPatch, settings: dict[str, str], url: str, cookie: str
) -> None:
    address = public_address(loaded(environment, **settings), 8080)
    assert (address.url, address.cookie) == (url, cookie)


def test_origins_are_the_public_address_or_the_very_host_asked() -> None:
    address = PublicAddress("https://desk.example.org", frozenset({"desk.example.org", "localhost", "127.0.0.1"}))
    assert address.allows_origin("https://desk.example.org", "desk.example.org")
    assert address.allows_origin("http://localhost:9000", "localhost:9000")
    for origin, host in (
        ("http://localhost:9001", "localhost:9000"),
        ("https://evil.example", "desk.example.org"),
        ("https://evil.example", "evil.example"),
        ("null", "localhost:9000"),
        ("file://localhost:9000", "localhost:9000"),
        ("", ""),
    ):
        assert not address.allows_origin(origin, host)
