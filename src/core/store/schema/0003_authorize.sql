-- Step 1, what is asked: checked authorization requests, pushed or from a query, until an interaction completes them.
-- Kept for a day after they were made (authorize::sql::sweep); nothing points at them afterwards.
create table requests (
  id BYTES primary key,        -- SHA-256 of the request_uri
  client_id TEXT not null,
  request TEXT not null,       -- authorize::Request as JSON: no personal data, login_hint is never kept
  created_at BIGINT not null,
  expires_at BIGINT not null,  -- until when a browser may begin with it; what has begun lives by its own time
  consumed_at BIGINT           -- when the first interaction completed it
);
create index requests_by_age on requests (created_at);
