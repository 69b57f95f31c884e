-- step 6: notices after the completion notice, for links whose customer ticked the box on ⑥. `notice_addresses` holds the
-- address of such a link while it is open: `sealed` under the consent that the box was ticked on, `address_index` a keyed
-- index of the address, so that one address is told of one event once. It begins with the redemption of the code, and goes
-- when the link ends, when the customer takes the address back, or when a new consent is given without the box.
create table notice_addresses (
  grant_id text primary key,
  consent_id text not null,
  sealed BYTES not null,
  address_index BYTES not null
);

-- `facts` is what a notice about a link says; null in a completion notice. Then `sealed` is a copy of the address, under
-- `consent_id`, and is erased some days after `erase_from` whether or not the notice was delivered. A completion notice that
-- is held carries in `address` what redemption puts into `notice_addresses`, null where the box was not ticked;
-- `address_index` is the index of its own address, null as soon as it is not held any more.
alter table notices add column facts text;
alter table notices add column consent_id text;
alter table notices add column erase_from bigint;
alter table notices add column address BYTES;
alter table notices add column address_index BYTES;
create index notices_of_link on notices (grant_id) where facts is not null and sealed is not null;
create index notices_erase_from on notices (erase_from) where erase_from is not null and sealed is not null;

-- The open links of an account, of whatever app.
create index grants_open_account on grants (account_index, expires_at) where ended_at is null;
