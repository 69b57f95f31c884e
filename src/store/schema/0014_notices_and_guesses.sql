-- Step 6: 許可する writes a notice as `held`, redemption of the code makes it `waiting`. One whose link never came about is
-- deleted with its address. `since` is when the 24 hours of a notice began, null while it is held and in rows that are
-- older than this file. While somebody is delivering it, nobody else takes it before `taken_until`. `trouble` says why the
-- last attempt failed, without the words of the relay, which often repeat the address.
alter table notices add column since BIGINT;
alter table notices add column taken_until BIGINT;
alter table notices add column trouble TEXT;
create index notices_open on notices (created_at, id) where state <> 'sent';
create index notices_held on notices (grant_id) where state = 'held';
