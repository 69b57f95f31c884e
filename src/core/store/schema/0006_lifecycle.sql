-- step 6, what happens after: notices, reports of the core bank

-- The outbox of mail. sealed holds the typed notice and its address; it is erased some days after delivery, the row
-- a year after that.
create table notices (
  id text primary key,
  kind text not null,
  grant_id text,
  sealed BYTES,
  state text not null,
  attempts bigint not null,
  next_at bigint,
  created_at bigint not null,
  done_at bigint
);
create index notices_due on notices (next_at) where next_at is not null;
create index notices_erase on notices (done_at) where sealed is not null;
create index notices_done on notices (done_at);

-- What the core bank reported of its accounts, so that a repeated report is one. id is a digest of the bank's own id.
-- Kept for a year.
create table account_events (
  id BYTES primary key,
  change text not null,
  account_index BYTES not null,
  at bigint not null,
  heard_at bigint not null
);
create index account_events_heard on account_events (heard_at);
