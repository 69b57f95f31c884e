-- oldest: 0.1.0
-- When a node that has the key's algorithm in `keys.algorithms` last said so. A node that does not have it there retires the key only
-- when nobody has said so for an hour. Null in rows that are older than this file: then the time at which the key began to sign counts.
alter table signing_keys add column wanted_at bigint;
