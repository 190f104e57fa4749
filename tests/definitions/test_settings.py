"""Settings: what is wrong is refused by name when they are loaded, what is missing is named when it is needed."""

from __future__ import annotations

from pathlib import Path

import pytest
from dotenv import dotenv_values
from pydantic import ValidationError

from orchestration.errors import SetupError
from orchestration.settings import PREFIX, PROJECT, FieldSettings, Settings, load_settings

SECRET = "postgresql://fluint:hunter2@127.0.0.1/fluint"


def _load(directory: Path, text: str = "", **environ: str) -> Settings:
    (directory / "fluint.yaml").write_text(text)
    return load_settings({f"{PREFIX}{name}": value for name, value in environ.items()}, directory)


def test_nothing_is_needed_to_load_and_what_is_missing_is_named_when_it_is(tmp_path: Path) -> None:
    """Definitions that cannot load without secrets cannot be checked, drawn or tested anywhere else."""
    settings = load_settings({}, tmp_path)
    assert settings == Settings()
    with pytest.raises(SetupError, match="FLUINT_ENCRYPTION_KEY is not set"):
        settings.require("encryption_key")


def test_environment_wins_over_dotenv_and_that_over_the_file(tmp_path: Path) -> None:
    """A value that is overridden silently the wrong way round points a test run at production."""
    (tmp_path / ".env").write_text("FLUINT_INTERVAL_SECONDS=20\nFLUINT_OVERLAP_MINUTES=21\n")
    settings = _load(
        tmp_path, "interval_seconds: 10\noverlap_minutes: 11\nredirect_port: 1800", INTERVAL_SECONDS="30"
    )
    assert (settings.interval_seconds, settings.overlap_minutes, settings.redirect_port) == (30, 21, 1800)


@pytest.mark.parametrize(
    ("text", "environ", "says"),
    [
        ("intervall_seconds: 3", {}, "no setting intervall_seconds; did you mean interval_seconds?"),
        ("colour: red", {}, "no setting colour; there are"),
        ("", {"DATABSE_URL": SECRET}, "no setting FLUINT_DATABSE_URL; did you mean FLUINT_DATABASE_URL?"),
        (f"database_url: {SECRET}", {}, "database_url is a secret; set FLUINT_DATABASE_URL"),
        ("objects: {user: {enabeld: false}}", {}, "Setting objects.user.enabeld"),
        (
            "objects: {opportunity: {fields: [Lead Source]}}",
            {},
            "Setting objects.opportunity.fields.Lead Source",
        ),
        ("objects: {opportunity: {fields: {A__c: {mart_column: A}}}}", {}, "mart_column"),
        ("objects: {opportunity: {fields: {A__c: {colunm: a}}}}", {}, "colunm"),
        ("quota_share: 3", {}, "quota_share"),
        (
            "environment: prod",
            {},
            "Setting environment (FLUINT_ENVIRONMENT): Input should be 'dev', 'staging' or 'production'",
        ),
        ("alerts: {webhook_url: https://a}", {}, "set FLUINT_ALERT_WEBHOOK_URL in the environment"),
        (
            "alerts: {email: {password: x, host: h, sender: a@b, to: [a@b]}}",
            {},
            "set FLUINT_ALERT_SMTP_PASSWORD in",
        ),
        ("alerts: {email: {host: h, sender: a@b, to: []}}", {}, "alerts.email.to"),
        ('alerts: {email: {host: h, sender: a@b, to: ["a@b\\nBcc: c@d"]}}', {}, "alerts.email.to"),
        ("alerts: {stale_after_minutes: 30}", {}, "take the line out"),
        ("alert_webhook_url: https://a", {}, "set FLUINT_ALERT_WEBHOOK_URL"),
        (
            "",
            {"ALERT_WEBHOOK_URL": "http://hooks.example/hunter2"},
            "a webhook's address begins with https://",
        ),
        ("- a list", {}, "not a YAML mapping"),
        ("a: [", {}, "not a YAML mapping"),
        ("", {"CONFIG_FILE": "nowhere.yaml"}, "does not exist: nowhere.yaml"),
        ("", {"OBJECTS": "{"}, "not valid JSON"),
    ],
)
def test_a_wrong_setting_is_refused_with_what_would_be_right(
    tmp_path: Path, text: str, environ: dict[str, str], says: str
) -> None:
    """A misspelt setting that is ignored is found weeks later, by its absence."""
    with pytest.raises(SetupError) as refused:
        _load(tmp_path, text, **environ)
    assert says in str(refused.value)


def test_fields_are_a_list_of_names_or_names_with_what_is_said_of_them(tmp_path: Path) -> None:
    """A form that is refused, or a field that a run process does not know of because the environment lost it."""
    text = "objects: {contact: {fields: [Department]}, opportunity: {fields: {LeadSource: , A__c: {mart_column: a}}}}"
    settings = _load(tmp_path, text)
    assert {table: dict(of.fields) for table, of in settings.objects.items()} == {
        "contact": {"Department": FieldSettings()},
        "opportunity": {"LeadSource": FieldSettings(), "A__c": FieldSettings(mart_column="a")},
    }
    assert load_settings(settings.variables(), tmp_path / "elsewhere").objects == settings.objects


def test_a_variable_of_another_program_is_left_alone(tmp_path: Path) -> None:
    """Other Fluint programs have variables too; a sync that refuses to start beside them is taken out."""
    assert _load(tmp_path, WEB_THEME="dark", TEST_DATABASE_URL=SECRET) == Settings()


def test_a_refused_value_is_not_repeated(tmp_path: Path) -> None:
    """An error text ends in logs and tickets; the value may be a password in the wrong place."""
    for name in ("INTERVAL_SECONDS", "ALERT_WEBHOOK_URL", "ENVIRONMENT"):
        with pytest.raises(SetupError, match=name) as refused:
            _load(tmp_path, **{name: "hunter2"})
        assert "hunter2" not in str(refused.value)
    assert "hunter2" not in repr(Settings(database_url=SECRET))  # type: ignore[arg-type]  # pydantic makes it one


def test_settings_cannot_be_changed_after_loading() -> None:
    """A value changed by one caller would be another one's riddle."""
    with pytest.raises(ValidationError, match="frozen"):
        Settings().interval_seconds = 5  # type: ignore[misc]


def test_another_process_loads_the_same_settings_from_the_environment_that_is_given_to_it(
    tmp_path: Path,
) -> None:
    """Every Dagster run is a process of its own; a setting that is lost on the way differs only there."""
    settings = _load(
        tmp_path,
        "objects: {email_message: {enabled: false}}\nsalesforce_subdomain: acme\nenvironment: staging\n"
        "alerts: {ca_file: a.pem, email: {host: h, sender: a@b, to: [c@d, e@f]}}",
        ALERT_WEBHOOK_URL="https://hooks.example/secret",
        DATABASE_URL=SECRET,
        DAGSTER_DATABASE_URL="postgresql+psycopg://dagster:p%40ss@db.example/dagster?sslmode=verify-full",
    )
    environment = settings.variables()
    assert load_settings(environment, tmp_path / "elsewhere") == settings
    storage = {
        name.removeprefix("FLUINT_DAGSTER_PG_"): value
        for name, value in environment.items()
        if name.startswith("FLUINT_DAGSTER_PG_")
    }
    assert storage == {
        "USER": "dagster",
        "PASSWORD": "p@ss",
        "HOST": "db.example",
        "PORT": "5432",
        "DB": "dagster",
    }
    assert environment["PGSSLMODE"] == "verify-full"


def test_an_object_that_is_not_in_the_catalogue_cannot_be_switched_off() -> None:
    """`emails: false` would be taken for done, and the mails would go on coming."""
    off = Settings(objects={"email_messages": {"enabled": False}})  # type: ignore[dict-item]
    with pytest.raises(SetupError, match=r"no object email_messages; did you mean email_message\?"):
        off.enabled_tables(["contact", "email_message"])


def test_the_examples_name_only_settings_that_there_are(tmp_path: Path) -> None:
    """Examples that were not run are the first thing a new installation trips over."""
    _load(tmp_path, (PROJECT / "fluint.example.yaml").read_text())
    lines = (PROJECT / ".env.example").read_text().splitlines()
    offered = tmp_path / "offered"
    offered.write_text("\n".join(line.removeprefix("#") for line in lines if line.startswith("#FLUINT_")))
    names = {name.removeprefix(PREFIX).lower() for name in dotenv_values(offered)}
    assert names
    assert names <= set(Settings.model_fields)
