-- Schemas and default rights of the Database Admin Server. Run once per database, after cluster.sql, as dbadmin_owner:
--
--     psql -X -v ON_ERROR_STOP=1 -U dbadmin_owner -d dbadmin -f deploy/postgresql/database.sql
--
-- Schema public holds the catalog's tables and nothing else; schema app holds Django's own. Rights in public come
-- with every `manage.py migrate`. There are deliberately no default privileges in public: a restored dump only adds
-- grants, so a default would give the application more than it had.

\set ON_ERROR_STOP on

SELECT current_database() AS this_database \gset

REVOKE ALL ON DATABASE :"this_database" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"this_database" TO dbadmin_app;

REVOKE ALL ON SCHEMA public FROM PUBLIC;

CREATE SCHEMA app;
GRANT USAGE ON SCHEMA app, public TO dbadmin_app;

ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO dbadmin_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT USAGE, SELECT ON SEQUENCES TO dbadmin_app;
