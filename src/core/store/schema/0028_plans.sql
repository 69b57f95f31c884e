-- oldest: 0.1.0
-- Indexes for statements that visited more rows the longer the history was (docs/decisions/0031-plans.md). None has many entries.

-- The open links of an app and an account, and of an account, in the order in which they are read. Without `created_at` the planner took
-- the index of all links of the account.
drop index grants_open;
create index grants_open on grants (client_id, account_index, created_at) where ended_at is null;
drop index grants_open_account;
create index grants_open_account on grants (account_index, created_at) where ended_at is null;

-- Exports in the order in which they are read: by the index on `at` alone the planner would have had to sort, and it read the whole record instead.
drop index audit_exports;
create index audit_exports on audit (at, worker, n)
  where action = 'staff.audit.exported' and account is null and grant_id is null;

-- How a link began and ended, among the records of everything else that happened to it.
create index audit_story on audit (grant_id, at)
  where action in ('grant.created', 'grant.activated', 'grant.revoked', 'grant.replaced', 'grant.expired');

-- Refusals, locks, changes of clients: retention looks for the old ones among them, and passed over the events of each link that lives.
create index events_alone on events (at, id) where grant_id is null;
