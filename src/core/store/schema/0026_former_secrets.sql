-- oldest: 0.1.0
-- The secret before the present one, which counts until its end (`renkei client rotate-secret --keep`): HMAC, base64url.
alter table clients add column former_secret text;
alter table clients add column former_secret_until bigint;
create index clients_former_secret on clients (former_secret_until) where former_secret is not null;
