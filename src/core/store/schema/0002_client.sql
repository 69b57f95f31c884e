-- step 0, who asks: client registry, replay of assertions and proofs; and our own signing keys

-- Kept until removed by hand. `version` rises with each change: a cache of the parsed record compares it.
create table clients (
  id TEXT not null primary key,
  version BIGINT not null,
  status TEXT not null,
  secret_kind TEXT,
  secret TEXT,
  metadata TEXT not null,
  created_at BIGINT not null,
  updated_at BIGINT not null
);

-- One row for each assertion or proof seen, as SHA-256 of its use, its owner and its jti.
-- Retention: until it would be refused for its age anyway.
create table client_replays (
  id BYTES not null primary key,
  expires_at BIGINT not null
);
create index client_replays_by_expiry on client_replays (expires_at);

-- Our signing keys, private halves sealed. Retention: a retired key until nothing it signed is valid any more.
create table signing_keys (
  kid TEXT not null primary key,
  alg TEXT not null,
  state TEXT not null,
  private_key BYTES not null,
  created_at BIGINT not null,
  activated_at BIGINT,
  retired_at BIGINT
);

-- Random keys every node of one installation shares (DPoP nonces), sealed. Kept.
create table shared_secrets (
  name TEXT not null primary key,
  sealed BYTES not null,
  created_at BIGINT not null
);
