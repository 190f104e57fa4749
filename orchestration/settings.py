"""The settings: fluint.yaml, `.env` and the environment in one frozen object. The only reader of the environment.

A setting belongs here with its type and default; what it is used for does not. Nothing is required when the
settings are loaded: whoever needs a value asks `require`, and the error names the variable. Secrets come from the
environment alone (`.env` included), because a configuration file is committed and shared.
"""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit

from dotenv import dotenv_values
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    YamlConfigSettingsSource,
)
from yaml import YAMLError

from orchestration.errors import SetupError

PROJECT = Path(__file__).resolve().parent.parent
PREFIX = "FLUINT_"
_API_NAME = r"^[A-Za-z]\w*(\.[A-Za-z]\w*)?$"  # a field, or one of the record that a reference leads to
_ADDRESS = r"^[^@\s<>,;]+@[^@\s<>,;]+$"
# Our names in the environment that no person sets: made by `Settings.variables`, by dbt's caller or by tests.
_NOT_SETTINGS = ("CONFIG_FILE", "DAGSTER_PG_", "DAGSTER_DIRECTORY", "DBT_", "TEST_")


class FieldSettings(BaseModel):
    """What `fields:` of an object says of one field; `mart_column` is the column of the object's mart that shows it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mart_column: str | None = Field(None, pattern=r"^[a-z][a-z0-9_]{0,47}$")


class ObjectSettings(BaseModel):
    """What `objects:` in fluint.yaml says of one Salesforce object; `fields` are read besides those that every workspace reads."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = True
    fields: Mapping[Annotated[str, Field(pattern=_API_NAME)], FieldSettings] = {}

    @field_validator("fields", mode="before")
    @classmethod
    def _list_or_mapping(cls, given: object) -> object:
        """A list of names, or names with what is said of each, which may be nothing."""
        if isinstance(given, list):
            given = dict.fromkeys(given)
        if isinstance(given, Mapping):
            return {name: {} if said is None else said for name, said in given.items()}
        return given


class EmailSettings(BaseModel):
    """Where alerts are sent by e-mail, and through which server; its password is FLUINT_ALERT_SMTP_PASSWORD."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field(min_length=1)
    port: int = Field(587, ge=1, le=65535)
    security: Literal["starttls", "tls"] = "starttls"
    username: str | None = None
    sender: str = Field(pattern=_ADDRESS)
    to: tuple[Annotated[str, Field(pattern=_ADDRESS)], ...] = Field(min_length=1)


class AlertSettings(BaseModel):
    """What `alerts:` in fluint.yaml says; the webhook's address is a secret, FLUINT_ALERT_WEBHOOK_URL."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    email: EmailSettings | None = None
    ca_file: Path | None = None


class Settings(BaseSettings):
    """Everything that a person can set; times are UTC, URLs of databases carry user and password."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True
    )

    environment: Literal["dev", "staging", "production"] | None = None
    database_url: SecretStr | None = None
    dagster_database_url: SecretStr | None = None
    database_without_tls_because: str | None = None
    encryption_key: SecretStr | None = None
    erasure_key: SecretStr | None = Field(None, min_length=32)
    postgres_bin: Path | None = None
    data_directory: Path = PROJECT / ".fluint"

    salesforce_client_id: str | None = None
    salesforce_client_secret: SecretStr | None = None
    salesforce_subdomain: str | None = None
    salesforce_url: str | None = None
    salesforce_ca_file: Path | None = None
    salesforce_sign_in: Literal["browser", "jwt", "client_credentials"] = "browser"
    salesforce_username: str | None = None
    salesforce_private_key_file: Path | None = None
    redirect_port: int = Field(1717, ge=1, le=65535)
    api_version: str = Field("66.0", pattern=r"^\d+\.0$")

    interval_seconds: int = Field(60, ge=5)
    overlap_minutes: int = Field(20, ge=1)
    bulk_threshold: int = Field(10_000, ge=0)
    quota_share: float = Field(0.8, gt=0, le=1)
    objects: Mapping[str, ObjectSettings] = {}

    alerts: AlertSettings = AlertSettings()
    alert_webhook_url: SecretStr | None = None
    alert_smtp_password: SecretStr | None = None

    @field_validator("alert_webhook_url")
    @classmethod
    def _https_only(cls, given: SecretStr | None) -> SecretStr | None:
        """What an alert says stays between us and its receiver."""
        if given is not None:
            parts = urlsplit(given.get_secret_value())
            if parts.scheme != "https" or not parts.hostname:
                raise ValueError("a webhook's address begins with https://")
        return given

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """`Settings(…)` reads nothing but its arguments; `load_settings` is what reads."""
        return (init_settings,)

    @property
    def data_docs(self) -> Path:
        """The directory of Great Expectations' pages, which holds nothing else."""
        return self.data_directory / "data_docs"

    def require(self, name: str) -> str:
        """The value of one setting as text; `SetupError` names the variable that is missing."""
        value = getattr(self, name)
        if value is None or value == "":
            raise missing(name)
        return _text(value)

    def enabled_tables(self, tables: Iterable[str]) -> tuple[str, ...]:
        """The `tables` that are not switched off, in their order; `SetupError` for a name that is none."""
        known = tuple(tables)
        for name in self.objects:
            if name not in known:
                raise SetupError(
                    f"Setting objects: there is no object {name}{_nearest(name, known, _among(known))}"
                )
        return tuple(t for t in known if self.objects.get(t, ObjectSettings()).enabled)

    @property
    def erasures_directory(self) -> Path:
        """Where the copies of the ledger of erasures lie, outside of the database."""
        return self.data_directory / "erasures"

    def variables(self) -> dict[str, str]:
        """What another process needs to load these settings, a bare `dagster …` included. Holds secrets."""
        own = {
            PREFIX + name.upper(): _text(value)
            for name in self.model_fields_set | {"data_directory"}
            if (value := getattr(self, name)) is not None
        }
        files = {PREFIX + "DAGSTER_DIRECTORY": str(self.data_directory / "dagster")}
        return own | _DAGSTER | files | self._dagster_storage()

    def _dagster_storage(self) -> dict[str, str]:
        if self.dagster_database_url is None:
            return {}
        url = urlsplit(self.dagster_database_url.get_secret_value())
        parts = {
            "USER": unquote(url.username or ""),
            "PASSWORD": unquote(url.password or ""),
            "HOST": url.hostname or "",
            "PORT": str(url.port or 5432),
            "DB": url.path.lstrip("/"),
        }
        query = parse_qs(url.query)
        # dagster.yaml cannot take TLS parameters from the environment; libpq can.
        tls = {
            f"PG{key.upper()}": query[key][-1]
            for key in ("sslmode", "sslrootcert", "sslcert", "sslkey")
            if key in query
        }
        return {f"{PREFIX}DAGSTER_PG_{part}": value for part, value in parts.items()} | tls


_DAGSTER = {
    "DAGSTER_HOME": str(PROJECT),
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "0",
    "GX_ANALYTICS_ENABLED": "false",
    # Materializations of a range of months are written in one statement instead of one by one.
    "DAGSTER_EVENT_BATCH_SIZE": "1000",
}


def load_settings(environ: Mapping[str, str] = os.environ, directory: Path = PROJECT) -> Settings:
    """The settings: `environ` wins over `.env`, and that over fluint.yaml (FLUINT_CONFIG_FILE), of `directory`.

    `SetupError` names what is unknown (with the nearest name), malformed, or a secret in the file.
    """
    variables = {
        name: value for name, value in dotenv_values(directory / ".env").items() if value is not None
    } | dict(environ)
    _refuse_unknown_variables(variables)
    file = Path(variables.get(PREFIX + "CONFIG_FILE") or directory / "fluint.yaml")
    if PREFIX + "CONFIG_FILE" in variables and not file.is_file():
        raise SetupError(f"{PREFIX}CONFIG_FILE names a file that does not exist: {file}.")
    try:
        in_file = YamlConfigSettingsSource(Settings, file)
    except (ValueError, TypeError, YAMLError):
        raise SetupError(f"{file} is not a YAML mapping of settings; fluint.example.yaml is one.") from None
    _refuse_unknown_keys(in_file.yaml_data, file.name)
    try:
        return Settings(_build_sources=((_Environment(Settings, variables), in_file), {}))
    except ValidationError as error:
        raise SetupError("; ".join(_explanations(error)) + ".") from None
    except SettingsError as error:
        raise SetupError(f"A setting in the environment is not valid JSON: {error}.") from None


def process_environment(settings: Settings) -> dict[str, str]:
    """The environment of a child process that is to have these settings and no other. Holds secrets."""
    ours = {PREFIX + name.upper() for name in Settings.model_fields}
    return {name: value for name, value in os.environ.items() if name not in ours} | settings.variables()


def export(settings: Settings) -> None:
    """Makes these settings those of this process, for libraries that read its environment (Dagster, dbt)."""
    wanted = process_environment(settings)
    for name in set(os.environ) - set(wanted):
        del os.environ[name]
    os.environ.update(wanted)


def use_browser(command: str) -> None:
    """Makes `webbrowser` of this process run this command (with %s for the address) in place of a browser."""
    os.environ["BROWSER"] = command


def missing(name: str) -> SetupError:
    """The error for a setting that is needed now and not set."""
    where = "the environment or `.env`" if name in _SECRETS else "fluint.yaml or the environment"
    return SetupError(
        f"{PREFIX}{name.upper()} is not set. Whoever runs this pipeline sets it in {where};"
        " .env.example says what it is."
    )


class _Environment(EnvSettingsSource):
    """The environment as a source, from a mapping that the caller gives."""

    def __init__(self, settings: type[BaseSettings], variables: Mapping[str, str]) -> None:
        self._variables = variables
        super().__init__(settings)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {name.lower(): value for name, value in self._variables.items() if value != ""}


_SECRETS = frozenset(
    name for name, info in Settings.model_fields.items() if info.annotation == SecretStr | None
)

# Where a person looks for them first; what stands there would be committed.
_SECRET_PARTS = {
    "alerts.webhook": "alert_webhook_url",
    "alerts.webhook_url": "alert_webhook_url",
    "alerts.email.password": "alert_smtp_password",
}

# What was a setting once, and what is so in its place.
_GONE = {
    "alerts.stale_after_minutes": "there is no such setting any more: take the line out. When data is old, `fluint status` and the"
    " alerts say by one rule, ten turns of its object and a quarter of an hour (docs/status.md)",
}


def _refuse_unknown_keys(in_file: Mapping[str, Any], file: str) -> None:
    fields = tuple(name for name in Settings.model_fields if name not in _SECRETS)
    for key in in_file:
        if key not in Settings.model_fields:
            raise SetupError(f"{file}: there is no setting {key}{_nearest(key, fields, _among(fields))}")
        if key in _SECRETS:
            raise SetupError(
                f"{file}: {key} is a secret; set {PREFIX}{key.upper()} in the environment instead."
            )


def _refuse_unknown_variables(variables: Mapping[str, str]) -> None:
    """Another program may own a FLUINT_ variable, so only what looks like a slip of the pen is refused."""
    for variable in variables:
        name = variable.removeprefix(PREFIX)
        if name == variable or name.startswith(_NOT_SETTINGS) or name.lower() in Settings.model_fields:
            continue
        if nearest := _nearest(variable, (PREFIX + known.upper() for known in Settings.model_fields)):
            raise SetupError(f"There is no setting {variable}{nearest}")


def _nearest(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """How the sentence ends: with the nearest known name, or `otherwise` when none is near."""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.85)
    return f"; did you mean {found[0]}?" if found else otherwise


def _among(known: Iterable[str]) -> str:
    return f"; there are {', '.join(known)}."


def _explanations(error: ValidationError) -> Iterator[str]:
    for fault in error.errors(include_input=False, include_url=False):
        name = ".".join(str(part) for part in fault["loc"])
        head = str(fault["loc"][0])
        secret = _SECRET_PARTS.get(name)
        hint = (
            f"; this is a secret: set {PREFIX}{secret.upper()} in the environment instead" if secret else ""
        )
        yield f"Setting {name} ({PREFIX}{head.upper()}): {_GONE.get(name, fault['msg'])}{hint}"


def _text(value: Any) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, BaseModel):
        return value.model_dump_json()
    if isinstance(value, Mapping):
        return json.dumps({key: item.model_dump() for key, item in value.items()})
    return str(value)
