-- step 4: a link may change without ending. It loses an account (grant::narrow), or a new consent widens or replaces what it
-- covers (grant::change). `account_id` is the core bank's id of a shared account, null in rows older than this file;
-- `updated_at` and `updated_by` are the last change, null where there was none. `by_create` is 1 where the app asked for a
-- further link beside the others (grant_management_action=create): a request without an action does not replace it.
-- `ends_grant` is the link that ⑥ named as the one to end where there are as many as `tokens.open_grants` allows.
alter table grant_accounts add column account_id text;
alter table grants add column updated_at bigint;
alter table grants add column updated_by text;
alter table grants add column by_create bigint not null default 0;
alter table grants add column ends_grant text;

-- What a customer agreed to change, by its consent. Redemption of a code that names it (`codes.change_id`) applies it:
-- `applied_at` is null until then. `known` are the accounts that the link shared when the customer agreed: one of them that
-- was stopped since does not come back. Deleted with the grant, or when the core bank reports one of its accounts.
create table grant_changes (
  consent_id text primary key,
  grant_id text not null,
  action text not null,
  scope text not null,
  details text not null,
  known text not null,
  account_index BYTES not null,
  account BYTES not null,
  account_id text not null,
  reference text not null,
  acr text not null,
  amr text not null,
  auth_time bigint not null,
  aud text not null,
  created_at bigint not null,
  expires_at bigint not null,
  warn_at bigint,
  applied_at bigint
);
create index grant_changes_grant on grant_changes (grant_id);
create table grant_change_accounts (
  consent_id text not null,
  account_index BYTES not null,
  account_id text not null,
  primary key (consent_id, account_index)
);
create index grant_change_accounts_account on grant_change_accounts (account_index);
alter table codes add column change_id text;
-- Why a refresh token ended before its grant: `replaced` where a merge or a replacement ended it.
alter table refresh_tokens add column revoked_by text;
-- The story of a link without its tokens: what the customer's own page and the receipt tell.
create index events_story on events (grant_id, seq)
  where kind in ('grant.created', 'grant.updated', 'grant.revoked', 'grant.replaced', 'grant.expired');
