"""Assets: what exists in Postgres and how Dagster fills it. Each body calls one function of a plain room and reports counts."""
