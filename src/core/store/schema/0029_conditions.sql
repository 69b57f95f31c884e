-- oldest: 0.1.0
-- SQLite makes a table of a list of three or more, and drops it, for each row that it inserts: so it did at each record and each event, for
-- `x in (a, b, c)` in the condition of an index. It makes none for `x = a or x = b or x = c` (docs/decisions/0034-what-a-write-costs.md).
drop index audit_story;
create index audit_story on audit (grant_id, at)
  where action = 'grant.created' or action = 'grant.activated' or action = 'grant.revoked' or action = 'grant.replaced'
  or action = 'grant.expired';
drop index events_story;
create index events_story on events (grant_id, seq)
  where kind = 'grant.created' or kind = 'grant.updated' or kind = 'grant.revoked' or kind = 'grant.replaced' or kind = 'grant.expired';

-- A client's own token belongs to no link.
drop index access_tokens_grant;
create index access_tokens_grant on access_tokens (grant_id) where grant_id is not null;
