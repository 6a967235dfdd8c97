#!/bin/sh
# Run by the image of Postgres once, when its volume is still empty: a role and a database of the same
# name for each service, which nobody else may connect to; and the auditor's role, which may connect
# to all of them and read what it is granted later.
set -eu

secrets=/run/careline

role() { # name, file with its password
    psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username postgres \
        --set name="$1" --set password="$(cat "$secrets/$2")" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
SQL
}

role careline_auditor auditor
for service in sla notifier messaging; do
    role "careline_$service" "$service"
    psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username postgres \
        --set name="careline_$service" <<'SQL'
CREATE DATABASE :"name" OWNER :"name";
REVOKE CONNECT ON DATABASE :"name" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"name" TO careline_auditor;
SQL
done

psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username postgres <<'SQL'
-- What a customer may see is read by messaging as this role, one transaction at a time.
CREATE ROLE careline_customer NOLOGIN;
GRANT careline_customer TO careline_messaging WITH INHERIT FALSE, SET TRUE;
REVOKE CONNECT ON DATABASE postgres FROM PUBLIC;
REVOKE CONNECT ON DATABASE template1 FROM PUBLIC;
SQL
