-- The customer's own page: its interactions have neither an app nor a request. Nothing that is under way ends.
create table interactions_anew (
  id TEXT not null primary key,
  client TEXT,                      -- null, like request: 連携サービスの確認・停止
  request BYTES,
  nonce BYTES not null,
  generation BIGINT not null,       -- rises when the cookie is replaced
  old_cookie_until BIGINT,          -- until when the value of the generation before is good; null once the new one was seen
  started BIGINT not null,
  touched BIGINT not null,
  step BIGINT not null,
  refused BIGINT not null,
  language TEXT,
  form TEXT,                        -- what was wrong with the last form: fields and messages, nothing that was typed
  live BIGINT not null,             -- 1 until it ends
  unfinished BIGINT not null,       -- 1 until ② is passed, ended or not: identity.unfinished counts these
  counted BIGINT not null,          -- 1 while it counts towards identity.concurrent
  recorded BIGINT not null,         -- 1 once the audit record speaks of it
  account BYTES,                    -- keyed index of the account, once ② is passed
  sealed BYTES not null,
  check ((client is null) = (request is null))
);
insert into interactions_anew (id, client, request, nonce, generation, old_cookie_until, started, touched, step, refused,
  language, form, live, unfinished, counted, recorded, account, sealed)
  select id, client, request, nonce, generation, old_cookie_until, started, touched, step, refused, language, form, live,
  unfinished, counted, recorded, account, sealed from interactions;
drop table interactions;
alter table interactions_anew rename to interactions;
create index interactions_label on interactions (substr(id, 1, 8));
create index interactions_request on interactions (request, live);
create index interactions_idle on interactions (touched) where live = 1;
create index interactions_live on interactions (started) where live = 1;
create index interactions_started on interactions (started);
create index interactions_unfinished on interactions (started) where unfinished = 1;
create index interactions_counted on interactions (account, touched) where counted = 1;
create index interactions_my on interactions (touched) where live = 1 and client is null;

-- When somebody passed the checks of the customer's own page, by the keyed index of the holder. Kept two years.
create table my_visits (
  holder BYTES not null primary key,
  at BIGINT not null
);
create index my_visits_at on my_visits (at);
