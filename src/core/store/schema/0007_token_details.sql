-- step 5: what a token covers of its grant's details, where a token request asked for less than all of it; null is all
alter table access_tokens add column details text;
