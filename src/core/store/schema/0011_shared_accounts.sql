-- step 4: the accounts a grant shares besides the verified one, by keyed index: an event of one of them ends it too
-- (domain G24), and staff find it under each. Kept as long as the grant.
create table grant_accounts (
  grant_id text not null,
  account_index BYTES not null,
  primary key (grant_id, account_index)
);
create index grant_accounts_account on grant_accounts (account_index);
