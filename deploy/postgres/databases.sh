#!/bin/sh
# Two databases, each owned by a role of its own. The postgres image runs it once, when its volume is empty; on a machine that has Postgres:
#   runuser -u postgres -- env POSTGRES_USER=postgres FLUINT_PASSWORD=… DAGSTER_PASSWORD=… sh deploy/postgres/databases.sh
set -eu
for name in fluint dagster; do
    case "$name" in fluint) password="$FLUINT_PASSWORD" ;; *) password="$DAGSTER_PASSWORD" ;; esac
    psql --username "$POSTGRES_USER" --set ON_ERROR_STOP=1 --set "name=$name" --set "password=$password" <<'SQL'
create role :"name" login createrole password :'password';
create database :"name" owner :"name" encoding 'UTF8' template template0;
revoke connect on database :"name" from public;
SQL
done
