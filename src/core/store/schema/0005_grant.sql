-- steps 3 to 5: consents, grants, codes, tokens

-- Append-only: no statement updates a row. Kept until ends_at plus the retention of consent records (7 years).
create table consents (
  id text primary key,
  decision text not null,
  client_id text not null,
  interaction text not null,
  account_index BYTES not null,
  account BYTES not null,
  name BYTES not null,
  remote BYTES not null,
  scope text not null,
  details text not null,
  terms_version text not null,
  terms_hash BYTES not null,
  shown_hash BYTES not null,
  language text not null,
  acr text not null,
  amr text not null,
  auth_time bigint not null,
  decided_at bigint not null,
  ends_at bigint not null
);
create index consents_account on consents (account_index, decided_at);
create index consents_ends on consents (ends_at);

-- The root object. seq counts the grant's events; warn_at is when grant.expiring is due, null once it is done.
-- Kept, with its events, as long as its consent record.
create table grants (
  id text primary key,
  consent_id text not null,
  client_id text not null,
  sub text not null,
  account_index BYTES not null,
  account BYTES not null,
  reference text not null,
  scope text not null,
  details text not null,
  acr text not null,
  amr text not null,
  auth_time bigint not null,
  created_at bigint not null,
  expires_at bigint not null,
  state text not null,
  activated_at bigint,
  ended_at bigint,
  ended_by text,
  replaced_by text,
  warn_at bigint,
  seq bigint not null
);
create index grants_account on grants (account_index, created_at);
create index grants_client on grants (client_id, created_at);
create index grants_open on grants (client_id, account_index) where ended_at is null;
create index grants_due on grants (expires_at) where ended_at is null;
create index grants_warn on grants (warn_at) where warn_at is not null;
create index grants_ended on grants (ended_at) where ended_at is not null;

-- One authorization code a grant. Used ones stay as long as the grant is open, so that a replay is recognised; unused
-- ones until a day after they died.
create table codes (
  hash BYTES primary key,
  grant_id text not null,
  client_id text not null,
  redirect_uri text not null,
  challenge text,
  jkt text,
  nonce text,
  resource text not null,
  issued_at bigint not null,
  expires_at bigint not null,
  used_at bigint
);
create index codes_grant on codes (grant_id);
create index codes_unused on codes (expires_at) where used_at is null;

-- Kept until a day after they expire.
create table access_tokens (
  hash BYTES primary key,
  id text not null,
  grant_id text,
  client_id text not null,
  scope text not null,
  aud text not null,
  jkt text,
  x5t text,
  issued_at bigint not null,
  expires_at bigint not null,
  revoked_at bigint
);
create index access_tokens_grant on access_tokens (grant_id);
create index access_tokens_expires on access_tokens (expires_at);

-- Kept until a day after they expire, which is when their grant does.
create table refresh_tokens (
  hash BYTES primary key,
  id text not null,
  grant_id text not null,
  client_id text not null,
  scope text not null,
  aud text not null,
  issued_at bigint not null,
  expires_at bigint not null,
  revoked_at bigint
);
create index refresh_tokens_grant on refresh_tokens (grant_id);
create index refresh_tokens_expires on refresh_tokens (expires_at);
