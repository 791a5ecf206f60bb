"""Settings: the only reader of the environment. Each wrong one is one line that names it, its fault and the mend."""

from __future__ import annotations

import difflib
import os
import re
import secrets
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, cast
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from data.schemes import POSTGRES_SCHEMES, SQLITE_SCHEMES, scheme_of

PREFIX = "NUMATIX_"
FROM_FILES = ("secret_key", "owner_password", "simulator_token", "metrics_token")
"""Settings that may also be given as a file, by the name with _FILE behind it."""
SHORTEST_KEY = 32
SHORTEST_TOKEN = 16
HOST_NAME = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")
LOOPBACK = ("localhost", "127.0.0.1", "::1")
Network = IPv4Network | IPv6Network

MENDS = {
    "public_url": "give the address that browsers use, such as https://desk.example.org, or leave it unset",
    "trusted_proxies": "give addresses or networks separated by commas, such as 10.0.0.0/8, or leave it unset",
    "host": "give an address to listen on, such as 127.0.0.1 or 0.0.0.0",
    "port": "give a whole number from 1 to 65535, such as 8080",
    "var_dir": "give a folder that the desk may write to",
    "database_url": "leave it unset (SQLite in the var dir), or give sqlite:////absolute/path/numatix.db or "
    "postgresql://USER:PASSWORD@HOST:PORT/DATABASE",
    "redis_url": "give an address such as redis://HOST:6379/0, or leave it unset for a desk of one process",
    "secret_key": f"give at least {SHORTEST_KEY} random characters, or leave it unset: the desk makes and keeps one",
    "owner_email": "give an address such as name@example.org together with NUMATIX_OWNER_PASSWORD, or leave both unset",
    "owner_password": "give 10 to 1024 characters together with NUMATIX_OWNER_EMAIL, or leave both unset",
    "registration": "give invite, open or closed",
    "simulator_port": "give a whole number from 1 to 65535, such as 8090",
    "simulator_host": "give an address to listen on, such as 127.0.0.1",
    "simulator_seed": "give a whole number, or leave it unset for a random one",
    "simulator_flow": "give synthetic, none, replay:FILE@SPEED or mirror:VENUE",
    "simulator_url": "give an address such as http://simulator:8090, or leave it unset: serve starts its own",
    "simulator_token": "give the token of the simulator at NUMATIX_SIMULATOR_URL, or leave both unset",
    "metrics_token": f"give at least {SHORTEST_TOKEN} random characters, or leave it unset",
    "binance_testnet_url": "give an address such as http://127.0.0.1:8190, or leave it unset for Binance's own testnet",
}


class SettingsError(Exception):
    """A setting is wrong: one line for the console."""


class Settings(BaseSettings):
    """What the desk was told, checked. Field `port` is read from NUMATIX_PORT, and so on."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", env_ignore_empty=True)

    public_url: str | None = None
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode] = ()
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    """0 takes a free one and logs it: for tests."""
    var_dir: Path = Path("var")
    database_url: str | None = None
    redis_url: str | None = None
    secret_key: SecretStr | None = None
    owner_email: str | None = None
    owner_password: SecretStr | None = None
    registration: str = Field(default="invite", pattern="^(invite|open|closed)$")
    simulator_port: int = Field(default=8090, ge=0, le=65535)
    simulator_host: str = "127.0.0.1"
    simulator_seed: int | None = None
    simulator_flow: str = Field(default="synthetic", pattern="^(synthetic|none|replay:.+|mirror:.+)$")
    simulator_url: str | None = None
    simulator_token: SecretStr | None = None
    metrics_token: SecretStr | None = None
    binance_testnet_url: str | None = None

    @field_validator("public_url", "simulator_url", "binance_testnet_url")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        more = parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc
        if parts.scheme not in {"http", "https"} or HOST_NAME.fullmatch(parts.hostname or "") is None or more:
            raise ValueError("it is not an address of the form http(s)://HOST:PORT")
        _ = parts.port  # raises ValueError when it is no port
        return f"{parts.scheme}://{parts.netloc}".lower()

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _are_networks(cls, value: object) -> tuple[Network, ...]:
        if isinstance(value, tuple):
            return cast("tuple[Network, ...]", value)
        return tuple(ip_network(part.strip(), strict=False) for part in str(value).split(",") if part.strip())

    @field_validator("database_url")
    @classmethod
    def _is_database(cls, value: str | None) -> str | None:
        if value is not None and scheme_of(value) not in (*SQLITE_SCHEMES, *POSTGRES_SCHEMES):
            raise ValueError("it is no address of a SQLite or PostgreSQL database")
        return value

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme == "unix":
            well_formed = len(parts.path) > 1
        else:
            number = parts.path.removeprefix("/")
            well_formed = bool(parts.hostname) and (not number or number.isdecimal()) and not parts.query
        if parts.scheme not in {"redis", "rediss", "unix"} or not well_formed:
            raise ValueError("it is not an address of the form redis://HOST:PORT/NUMBER")
        _ = parts.port  # raises ValueError when it is no port
        return value

    @field_validator("secret_key")
    @classmethod
    def _is_long(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < SHORTEST_KEY:
            raise ValueError(f"it has {len(value.get_secret_value())} characters")
        return value

    @field_validator("metrics_token")
    @classmethod
    def _is_no_word(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < SHORTEST_TOKEN:
            raise ValueError(f"it has {len(value.get_secret_value())} characters")
        return value


@dataclass(frozen=True, slots=True)
class PublicAddress:
    """Where browsers find the desk, and which Host and Origin headers they may therefore send."""

    url: str
    hosts: frozenset[str]

    @property
    def secure(self) -> bool:
        return self.url.startswith("https:")

    @property
    def cookie(self) -> str:
        """The session cookie's name. The prefix makes browsers refuse it for other hosts and without TLS."""
        return "__Host-numatix" if self.secure else "numatix"

    def allows_host(self, header: str) -> bool:
        return (host_of(header) or "") in self.hosts

    def allows_origin(self, origin: str, host_header: str) -> bool:
        """The public address itself, or the very host that the request went to when that is an allowed one."""
        if origin.lower() == self.url:
            return True
        scheme, separator, netloc = origin.lower().partition("://")
        return (
            bool(separator)
            and scheme in {"http", "https"}
            and (netloc == host_header.lower() and self.allows_host(host_header))
        )


def load_settings() -> Settings:
    """The settings of this process's environment. Raises SettingsError."""
    environment = {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}
    _refuse_unknown(environment)
    given = _read_files(environment)
    try:
        settings = cast("Callable[..., Settings]", Settings)(**given)
    except ValidationError as error:
        raise SettingsError(_first_fault(error, environment)) from error
    _check_together(settings)
    return settings


def public_address(settings: Settings, port: int) -> PublicAddress:
    """`port` is the one that was really taken."""
    shown = "localhost" if is_anywhere(settings.host) else settings.host
    netloc = f"[{shown}]" if ":" in shown else shown
    url = settings.public_url or f"http://{netloc}:{port}".lower()
    return PublicAddress(url, frozenset({host_of(urlsplit(url).netloc) or "", shown.lower(), *LOOPBACK}))


def prepare_var_dir(settings: Settings) -> Path:
    """The var dir, made when missing, for its owner alone. Raises SettingsError when it cannot be written to."""
    path = settings.var_dir.absolute()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = path / f".probe-{os.getpid()}"
        probe.touch(mode=0o600)
        probe.unlink()
    except OSError as error:
        raise SettingsError(
            f"{PREFIX}VAR_DIR is {str(path)!r}, which cannot be written to ({error.strerror}): {MENDS['var_dir']}."
        ) from error
    return path


def keep_nicegui_in(var_dir: Path) -> None:
    """NiceGUI reads where to keep its files from the environment, once, when it is imported."""
    os.environ["NICEGUI_STORAGE_PATH"] = str(var_dir / "nicegui")


def secret_key(settings: Settings, var_dir: Path) -> bytes:
    """The desk's secret: the given one, or one that is made once and kept in the var dir for its owner alone."""
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value().encode()
    path = var_dir / "secret_key"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _kept_key(path)
    except OSError as error:
        raise SettingsError(
            f"the secret key cannot be kept in {str(path)!r} ({error.strerror}): mend the folder."
        ) from error
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_urlsafe(48))
        file.flush()
        os.fsync(file.fileno())
    return _kept_key(path)


def _kept_key(path: Path) -> bytes:
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            path.chmod(0o600)
        key = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"the secret key in {str(path)!r} cannot be read for its owner alone: {error}.") from error
    if len(key) < SHORTEST_KEY:
        raise SettingsError(
            f"the secret key in {str(path)!r} is cut short: bring it back from a backup, or remove it to start with"
            " a new one (stored exchange keys and sessions are lost then)."
        )
    return key.encode()


def _refuse_unknown(environment: Mapping[str, str]) -> None:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    known |= {f"{PREFIX}{name.upper()}_FILE" for name in FROM_FILES}
    for name in sorted(environment):
        if name not in known:
            near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.0)
            raise SettingsError(f"{name} is no setting of Numatix: did you mean {near[0]}? Unset it or mend its name.")


def _read_files(environment: Mapping[str, str]) -> dict[str, str]:
    given: dict[str, str] = {}
    for name in FROM_FILES:
        plain, by_file = f"{PREFIX}{name.upper()}", f"{PREFIX}{name.upper()}_FILE"
        path = environment.get(by_file)
        if not path:
            continue
        if environment.get(plain):
            raise SettingsError(f"{plain} and {by_file} are both set: leave one of them.")
        try:
            given[name] = Path(path).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            fault = error.strerror if isinstance(error, OSError) else "it is no text"
            raise SettingsError(
                f"{by_file} is {path!r}, which cannot be read ({fault}): name a readable file."
            ) from error
        if not given[name]:
            raise SettingsError(f"{by_file} is {path!r}, which is empty: {MENDS[name]}.")
    return given


def _first_fault(error: ValidationError, environment: Mapping[str, str]) -> str:
    first = error.errors(include_url=False)[0]
    field = str(first["loc"][0])
    name = f"{PREFIX}{field.upper()}"
    fault = first["msg"].removeprefix("Value error, ")
    fault = fault if fault.startswith("Redis") else fault[:1].lower() + fault[1:]
    shown = "" if field in FROM_FILES else f" is {_short(environment.get(name, ''))}"
    return f"{name}{shown}: {fault}; {MENDS[field]}."


def _short(value: str) -> str:
    """A value as one line; a password inside an address is left out."""
    parts = value.partition("://")
    if parts[1] and "@" in parts[2]:
        value = f"{parts[0]}://…@{parts[2].rpartition('@')[2]}"
    return repr(value if len(value) <= 80 else f"{value[:80]}…")


def _check_together(settings: Settings) -> None:
    if (settings.owner_email is None) != (settings.owner_password is None):
        missing = "owner_password" if settings.owner_password is None else "owner_email"
        raise SettingsError(f"{PREFIX}{missing.upper()} is missing: {MENDS[missing]}.")
    if (settings.simulator_url is None) != (settings.simulator_token is None):
        missing = "simulator_token" if settings.simulator_token is None else "simulator_url"
        raise SettingsError(f"{PREFIX}{missing.upper()} is missing: {MENDS[missing]}.")


def is_anywhere(host: str) -> bool:
    """Whether listening there means every address of the machine: 0.0.0.0 or ::."""
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False


def host_of(netloc: str) -> str | None:
    """The name in a Host header, lower case, without port and brackets."""
    try:
        return urlsplit(f"//{netloc}").hostname
    except ValueError:
        return None
