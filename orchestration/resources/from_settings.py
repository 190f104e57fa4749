"""Settings made into resources."""

from __future__ import annotations

from typing import Any

import dagster as dg

from orchestration.resources.alerts import AlertsResource
from orchestration.resources.database import DatabaseResource
from orchestration.resources.dbt import DbtResource
from orchestration.resources.salesforce import SalesforceResource
from orchestration.settings import PREFIX, Settings


def resources(settings: Settings) -> dict[str, Any]:
    """The resources by name; a secret is the name of its variable, so that Dagster never shows its value."""
    database = DatabaseResource(
        url=_secret(settings, "database_url"),
        without_tls_because=settings.database_without_tls_because,
        erasure_key=_secret(settings, "erasure_key"),
    )
    salesforce = SalesforceResource(
        database=database,
        encryption_key=_secret(settings, "encryption_key"),
        client_id=settings.salesforce_client_id,
        client_secret=_secret(settings, "salesforce_client_secret"),
        url=settings.salesforce_url,
        subdomain=settings.salesforce_subdomain,
        ca_file=str(settings.salesforce_ca_file) if settings.salesforce_ca_file else None,
        redirect_port=settings.redirect_port,
        api_version=settings.api_version,
        quota_share=settings.quota_share,
        sign_in=settings.salesforce_sign_in,
        username=settings.salesforce_username,
        private_key_file=str(settings.salesforce_private_key_file)
        if settings.salesforce_private_key_file
        else None,
        environment=settings.environment,
        erasures_directory=str(settings.erasures_directory),
    )
    return {
        "database": database,
        "salesforce": salesforce,
        "dbt": DbtResource(database=database),
        "alerts": _alerts(settings),
    }


def _alerts(settings: Settings) -> AlertsResource:
    said = settings.alerts
    return AlertsResource(
        environment=settings.environment,
        webhook_url=_secret(settings, "alert_webhook_url"),
        email=said.email.model_dump_json() if said.email else None,
        smtp_password=_secret(settings, "alert_smtp_password"),
        ca_file=str(said.ca_file) if said.ca_file else None,
    )


def _secret(settings: Settings, name: str) -> dg.EnvVar | None:
    return dg.EnvVar(PREFIX + name.upper()) if getattr(settings, name) is not None else None
