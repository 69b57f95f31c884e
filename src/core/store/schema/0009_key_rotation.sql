-- keys: when a next key is to begin to sign; one current key for each algorithm
alter table signing_keys add column activate_at BIGINT;
create unique index signing_keys_current on signing_keys (alg) where state = 'current';
