-- Roles and database of the Database Admin Server. Run once per PostgreSQL server (16 or newer) with psql,
-- as a role that may create roles and databases:
--
--     psql -X -v ON_ERROR_STOP=1 -d postgres \
--          -v owner_password=... -v app_password=... -f deploy/postgresql/cluster.sql
--
-- To keep the passwords out of the process list, begin psql without -f, type
--     \prompt 'Password of dbadmin_owner: ' owner_password
--     \prompt 'Password of dbadmin_app: ' app_password
--     \i deploy/postgresql/cluster.sql
--
-- Then run database.sql in the new database. The embedded server is set up with these very files.

\set ON_ERROR_STOP on

-- Owns the database and everything in it; migrations, restores and nothing else connect as this role.
-- CREATEDB lets it make scratch databases: for tests, and to try a backup before trusting it.
CREATE ROLE dbadmin_owner LOGIN PASSWORD :'owner_password' NOSUPERUSER CREATEDB NOCREATEROLE NOREPLICATION;

-- What the server works as: owns nothing.
CREATE ROLE dbadmin_app LOGIN PASSWORD :'app_password' NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION;

-- The search path belongs to the roles, not to the connections: so it survives a pooler, and copies of the database.
ALTER ROLE dbadmin_owner SET search_path = app, public;
ALTER ROLE dbadmin_app   SET search_path = app, public;

-- No request may hold the database for long. Longer work raises its own limit with SET LOCAL.
ALTER ROLE dbadmin_app SET statement_timeout = '30s';
ALTER ROLE dbadmin_app SET lock_timeout = '10s';
ALTER ROLE dbadmin_app SET idle_in_transaction_session_timeout = '60s';

-- This way round only: it lets the owner end the application's sessions, and gives the application nothing.
GRANT dbadmin_app TO dbadmin_owner;

-- CREATE DATABASE … OWNER asks for membership; a superuser needs none.
SELECT current_setting('is_superuser') = 'off' AS needs_membership \gset
\if :needs_membership
GRANT dbadmin_owner TO CURRENT_USER;
\endif

-- The built-in provider sorts and folds Unicode the same on every machine and after every update of the system.
SELECT current_setting('server_version_num')::int >= 170000 AS has_builtin_locale \gset
\if :has_builtin_locale
CREATE DATABASE dbadmin OWNER dbadmin_owner TEMPLATE template0 ENCODING 'UTF8'
    LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C';
\else
CREATE DATABASE dbadmin OWNER dbadmin_owner TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8';
\endif
