-- step 0: apps that register themselves (RFC 7591) and manage their record (RFC 7592)

-- Initial access tokens the institution hands out.
-- Retention: 90 days after they expired or were revoked; what came of each stands in the audit record.
create table initial_tokens (
  id TEXT not null primary key,
  hash BYTES not null unique,
  label TEXT not null,
  profile TEXT,
  uses_left BIGINT not null,
  created_at BIGINT not null,
  expires_at BIGINT not null
);
create index initial_tokens_expiry on initial_tokens (expires_at);

-- A client that manages its own record: its registration access token as SHA-256, and a change that waits for approval.
-- Retention: until the client ends.
create table client_registrations (
  client_id TEXT not null primary key,
  token BYTES not null,
  statement TEXT,
  proposed TEXT
);

create index clients_status on clients (status, created_at);
