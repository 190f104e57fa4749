"""A dlt pipeline from Salesforce's REST API to a DuckDB file: `python dlt_pipeline.py DIRECTORY`, prints the rows of each table.

Belongs here: a source as someone would write it with dlt's own REST source. Runs in an environment that has dlt, not this project.
"""

import json
import os
import sys

import dlt
import duckdb
from dlt.sources.helpers.rest_client.auth import OAuth2ClientCredentials
from dlt.sources.rest_api import RESTAPIConfig, rest_api_source

INSTANCE_URL = os.environ["INSTANCE_URL"]
TABLES = {
    "opportunity": "SELECT Id, Name, Amount, IsDeleted, SystemModstamp FROM Opportunity",
    "email_message": "SELECT Id, Subject, RelatedToId, IsDeleted, SystemModstamp FROM EmailMessage",
}


def source() -> object:
    """The REST source: pages by nextRecordsUrl, rows by SystemModstamp."""
    resources = [
        {
            "name": name,
            "primary_key": "Id",
            "write_disposition": "merge",
            "endpoint": {
                "path": "/services/data/v66.0/queryAll",
                "params": {"q": f"{soql} WHERE SystemModstamp >= {{incremental.start_value}} ORDER BY Id"},
                "data_selector": "records",
                "incremental": {
                    "cursor_path": "SystemModstamp",
                    "initial_value": "2000-01-01T00:00:00.000Z",
                    "convert": lambda text: text.replace("+0000", "Z"),
                },
            },
        }
        for name, soql in TABLES.items()
    ]
    config: RESTAPIConfig = {
        "client": {
            "base_url": INSTANCE_URL,
            "headers": {"Sforce-Query-Options": "batchSize=200"},
            "auth": OAuth2ClientCredentials(
                access_token_url=f"{INSTANCE_URL}/services/oauth2/token",
                client_id=os.environ["CLIENT_ID"],
                client_secret=os.environ["CLIENT_SECRET"],
            ),
            "paginator": {"type": "json_link", "next_url_path": "nextRecordsUrl"},
        },
        "resources": resources,
    }
    return rest_api_source(config)


def main(directory: str) -> None:
    """Loads what is new since the last run in this directory."""
    path = f"{directory}/warehouse.duckdb"
    pipeline = dlt.pipeline(
        "salesforce",
        pipelines_dir=f"{directory}/state",
        destination=dlt.destinations.duckdb(path),
        dataset_name="raw_salesforce",
    )
    pipeline.run(source())
    loaded = pipeline.last_trace.last_normalize_info.row_counts
    with duckdb.connect(path) as database:
        held = {
            name: database.sql(f"select count(*) from raw_salesforce.{name}").fetchall()[0][0]
            for name in TABLES
        }
    print(json.dumps({"loaded": {name: loaded.get(name, 0) for name in TABLES}, "held": held}))


if __name__ == "__main__":
    main(sys.argv[1])
