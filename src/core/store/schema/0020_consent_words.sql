-- Step 3: the sentences of ⑥, once for all who read them, by the SHA-256 of language and text (`consents.shown_hash`). `{0}`,
-- `{1}` … stand for the customer's own values, which rest sealed in `consents.words`: a JSON array, null in records that are
-- older than this file, whose sentences were not kept. Deleted when no record refers to them. `reference` is 受付番号, which may
-- repeat; null in older records.
create table consent_words (
  hash BYTES not null primary key,
  language TEXT not null,
  text TEXT not null
);
alter table consents add column words BYTES;
alter table consents add column reference TEXT;
create index consents_shown on consents (shown_hash);
create index consents_reference on consents (reference);

-- Until now a grant alone had 受付番号.
create index grants_consent on grants (consent_id);
update consents set reference = (select max(g.reference) from grants g where g.consent_id = consents.id);

-- The public halves of the keys that signed receipts (`/oauth/receipt-keys`). `ends_at` is the latest end of a permission that one of
-- these receipts is about; a key is deleted as long after it as consent records are, or when it is withdrawn.
create table receipt_keys (
  kid TEXT not null primary key,
  jwk TEXT not null,
  ends_at BIGINT not null
);
create index receipt_keys_ends on receipt_keys (ends_at);
