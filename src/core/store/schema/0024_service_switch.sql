-- Step 2: the whole service is switched off while this table has its one row (requirements.md#g7). Every node reads it at
-- each step, so that it holds on all of them at once.
create table service_off (
  id bigint primary key,
  since bigint not null,
  reason text not null,
  actor text not null
);
