-- What the application's role may do in schema public. Runs as the owner after every migrate and every restore,
-- any number of times; psql can run it too: psql -v app_role=dbadmin_app -f catalog/schema/grants.sql

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO :"app_role";

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, :"app_role";
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM PUBLIC, :"app_role";
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO :"app_role";
-- UPDATE on a sequence is the right to move it past an id that came with an insert.
GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA public TO :"app_role";

-- The trail is read and added to; id and timestamp are the database's alone.
REVOKE INSERT, UPDATE, DELETE ON public.audit_logs FROM :"app_role";
GRANT INSERT (
    operation, table_name, record_id, user_id, success, error_message, execution_time, changes,
    error_code, record_count, channel, client_info, request_id, change_id, dry_run, query_hash
) ON public.audit_logs TO :"app_role";
REVOKE USAGE, UPDATE ON SEQUENCE public.audit_logs_id_seq FROM :"app_role"; -- a backup reads where it stands

-- These come with migrations.
REVOKE INSERT, UPDATE, DELETE ON public.genres, public.lookup_values FROM :"app_role";
REVOKE USAGE, UPDATE ON SEQUENCE public.genres_id_seq, public.lookup_values_id_seq FROM :"app_role";
