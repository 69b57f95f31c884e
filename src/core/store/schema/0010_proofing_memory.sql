-- step 2: finished checks remembered for one app in one browser (protocol A4), where the institution allows it at all.
-- `cookie` is the SHA-256 of the browser's value, `version` the client's record at the time: a record changed since, a
-- suspension among the changes, ends the memory. `sealed` is the proofing: never a PIN or a birth date, which nobody keeps.
-- Kept half an hour longer than it may be used, for the way that stands on it.
create table proofings (
  cookie BYTES not null primary key,
  client TEXT not null,
  version BIGINT not null,
  account BYTES not null,
  interaction TEXT,
  sealed BYTES not null,
  expires_at BIGINT not null
);
create index proofings_account on proofings (account);
create index proofings_expires on proofings (expires_at);
