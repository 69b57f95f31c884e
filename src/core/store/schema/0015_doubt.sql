-- PostgreSQL, a commit whose outcome is not known: a unit of work that appends no audit record leaves a marker instead, by which
-- a later session finds out whether it happened. Kept a day.
create table store_markers (
  id TEXT not null primary key,
  at BIGINT not null
);
create index store_markers_at on store_markers (at);

-- Step 3: when a redemption was taken back, because nobody has heard of its token; null once the code was redeemed again. Such a
-- code counts as one that nobody has presented.
alter table codes add column undone_at BIGINT;
