-- step 4: when a link was last used, by what a resource server said it serves (`balances`, `transactions`; '' for the whole link).
-- Whole minutes. Written in batches (grant::uses), only ever later. Deleted with the grant.
create table grant_uses (
  grant_id text not null,
  permission text not null,
  last_at bigint not null,
  primary key (grant_id, permission)
);
