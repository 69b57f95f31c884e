-- Steps 2 and 4: whose call it was. The audit record of a call names the app and the account (its keyed index) of the interaction that
-- the number was given to, also when that interaction is gone. Null in rows that are older than this file.
alter table call_leases add column client TEXT;
alter table call_leases add column account BYTES;

-- Exports of more than one account or grant: whoever asks who looked at an account reads these too.
create index audit_exports on audit (at) where action = 'staff.audit.exported' and account is null and grant_id is null;
