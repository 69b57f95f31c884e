-- Step 1: when a browser first began with a request; null while a pushed request waits for one. A client may have so many
-- waiting at once. Those that nobody began with are kept for ten minutes after expires_at, the others for two hours after
-- they were made.
alter table requests add column begun_at BIGINT;
create index requests_waiting on requests (client_id, expires_at) where begun_at is null;
create index requests_unbegun on requests (expires_at) where begun_at is null;
