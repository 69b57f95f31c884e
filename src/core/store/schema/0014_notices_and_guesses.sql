-- Step 6: 許可する writes a notice as `held`, redemption of the code makes it `waiting`. One whose link never came about is
-- deleted with its address. `since` is when the 24 hours of a notice began, null while it is held and in rows that are
-- older than this file. While somebody is delivering it, nobody else takes it before `taken_until`. `trouble` says why the
-- last attempt failed, without the words of the relay, which often repeat the address.
alter table notices add column since BIGINT;
alter table notices add column taken_until BIGINT;
alter table notices add column trouble TEXT;
create index notices_open on notices (created_at, id) where state <> 'sent';
create index notices_held on notices (grant_id) where state = 'held';
create index notices_waiting on notices (grant_id) where state = 'waiting';

-- Step 2: a guess about an account of which the core bank is being asked: `guess` is customer (②) or pin (⑤), `day` the JST
-- day towards which it counts. One that nobody has settled by `until`, because a process died, counts as wrong from then on:
-- `counted` is 1, and the row stays, so that an answer that comes after all can take it back.
-- Kept until it is settled, released by staff, or counts for nothing any more.
create table guesses (
  id TEXT not null primary key,
  account BYTES not null,
  guess TEXT not null,
  day BIGINT not null,
  at BIGINT not null,
  until BIGINT not null,
  counted BIGINT not null
);
create index guesses_account on guesses (account);
create index guesses_open on guesses (until) where counted = 0;
create index guesses_counted on guesses (day, account) where counted = 1;

-- Its place: until now `asked` counted guesses under way, and `wrong_pins` held them too. What a crash had left booked is
-- given back.
update lockouts set wrong_pins = case when wrong_pins > asked then wrong_pins - asked else 0 end where asked > 0 and held = 0;
alter table lockouts drop column asked;

-- What the sweeper looks for, however many accounts are locked until staff releases them or have wrong PINs of long ago.
create index lockouts_ending on lockouts (locked_until) where locked_at is not null and held = 0;
create index lockouts_empty on lockouts (day) where held = 0 and wrong_pins = 0 and locked_at is null;
drop index lockouts_day;
drop index lockouts_locked;
create index lockouts_locked on lockouts (locked_at) where locked_at is not null;
