-- Lifecycle events on their way to receivers (docs/events.md).

-- `pos` orders all events after their commit: null until it is given, which on SQLite happens in the same transaction. `positioned_at`
-- is when. `aud` has the audiences whose resource servers hear of the event, separated by spaces; `account` is the opaque id by
-- which the core bank knows an account, for the institution alone.
alter table events add column pos BIGINT;
alter table events add column positioned_at BIGINT;
alter table events add column aud TEXT;
alter table events add column account TEXT;
create unique index events_pos on events (pos) where pos is not null;
create index events_unpositioned on events (grant_id, seq, at, id) where pos is null;
-- Without what only the institution hears: an app has a token.issued for each of its tokens.
create index events_client on events (client_id, pos)
  where pos is not null and kind not in ('token.issued', 'consent.granted');

-- The last position that was given: one row. Whoever gives positions locks it.
create table event_head (
  id BIGINT not null primary key,
  pos BIGINT not null
);
insert into event_head (id, pos) select 1, count(*) from events;
update events set positioned_at = at, pos = n.pos from
  (select id, row_number() over (order by at, grant_id, seq, id) as pos from events) n where n.id = events.id;

-- Which events the resource servers of an audience hear of. Deleted with its event.
create table event_audiences (
  aud TEXT not null,
  pos BIGINT not null,
  primary key (aud, pos)
);
create index event_audiences_pos on event_audiences (pos);

-- Who hears of a grant, known since 許可する: the audiences of its tokens, and the opaque id of the verified account for the
-- institution. Null in grants of earlier releases, except the audiences of those that have a token.
alter table grants add column aud TEXT;
alter table grants add column account_id TEXT;
-- How many numbers of its events a restore has skipped; null means none.
alter table grants add column seq_skipped BIGINT;
update grants set aud = (select max(t.aud) from access_tokens t where t.grant_id = grants.id);

-- The audiences of a client's grants, for events about the client.
create table client_audiences (
  client_id TEXT not null,
  aud TEXT not null,
  primary key (client_id, aud)
);
insert into client_audiences (client_id, aud)
  select distinct client_id, aud from grants where aud <> '' and aud not like '% %';

-- The opaque id of an account, once the core bank has named it: for the event that tells of its lock.
alter table lockouts add column account_id TEXT;

-- Where events go. `authorization` is sealed. `verified` is 1 once the endpoint has answered a verification. Events up to `cursor`
-- are delivered or stand in stream_tokens. `owner`, `leased_until` and `fence` say which node serves a push stream.
create table streams (
  id TEXT not null primary key,
  client_id TEXT not null,
  method TEXT not null,
  endpoint TEXT,
  authorization_header BYTES,
  requested TEXT not null,
  description TEXT,
  status TEXT not null,
  reason TEXT,
  stopped_by TEXT,
  stopped_at BIGINT,
  verified BIGINT not null,
  cursor BIGINT not null,
  attempts BIGINT not null,
  failing_since BIGINT,
  next_at BIGINT,
  trouble TEXT,
  polled_at BIGINT,
  asked_at BIGINT,
  owner TEXT,
  leased_until BIGINT,
  fence BIGINT not null,
  created_at BIGINT not null,
  updated_at BIGINT not null
);
create index streams_client on streams (client_id, id);

-- What a stream has taken and not finished: what failed, what a poll has handed out and nobody has acknowledged, and what is no
-- event (verification, stream-updated). A row with `dead_at` is a dead letter: nothing more is tried.
create table stream_tokens (
  stream_id TEXT not null,
  jti TEXT not null,
  pos BIGINT not null,
  part TEXT not null,
  grant_id TEXT,
  state TEXT,
  at BIGINT not null,
  dead_at BIGINT,
  why TEXT,
  primary key (stream_id, jti)
);
create index stream_tokens_open on stream_tokens (stream_id, pos, part) where dead_at is null;
create index stream_tokens_dead on stream_tokens (dead_at) where dead_at is not null;
