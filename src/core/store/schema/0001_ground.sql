-- The ground: the audit record and the outbox of lifecycle events.

-- The head of each audit chain: how long it is, and the hash of its last record. One row for each store worker, held
-- by one session at a time; two sessions on one chain would only slow each other down.
create table audit_chains (
  worker TEXT not null primary key,
  length BIGINT not null,
  head BYTES not null
);

-- Append-only. hash covers the record before it and every column of this one. No secret and no personal data in the
-- clear: account is a keyed index. Kept: records leave only with a whole export, by hand.
create table audit (
  worker TEXT not null,
  n BIGINT not null,
  at BIGINT not null,
  actor TEXT not null,
  action TEXT not null,
  client_id TEXT,
  interaction TEXT,
  grant_id TEXT,
  account BYTES,
  detail TEXT not null,
  hash BYTES not null,
  primary key (worker, n)
);
create index audit_time on audit (at, worker, n);
create index audit_grant on audit (grant_id, at) where grant_id is not null;
create index audit_account on audit (account, at) where account is not null;

-- The outbox: what is to be told, written in the transaction that causes it. seq orders the events of one grant, from
-- the counter on the grant's row; events without a grant have seq 0. Kept as long as the consent record of their grant.
create table events (
  id TEXT not null primary key,
  at BIGINT not null,
  kind TEXT not null,
  client_id TEXT,
  grant_id TEXT,
  sub TEXT,
  seq BIGINT not null,
  detail TEXT not null
);
create unique index events_grant on events (grant_id, seq) where grant_id is not null;
create index events_time on events (at, id);
