-- Redemption looked up the older grants of one app and account through this index, and so visited every grant of the app.
-- Without it the planner takes grants_open, which holds the open grants by app and account. Nothing else read it.
drop index grants_client;

-- One customer's interaction. What the customer said stands sealed in `sealed` while it is live and is gone when it ends.
-- Its cookie is not stored: it is derived from id, generation and nonce under a key of the installation.
-- Interactions that are under way when this file is applied begin again.
-- Kept an hour after the start, as long as its cookie lives.
delete from requests;
drop table interactions;
create table interactions (
  id TEXT not null primary key,
  client TEXT not null,
  request BYTES not null,
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
  sealed BYTES not null
);
create index interactions_label on interactions (substr(id, 1, 8));
create index interactions_request on interactions (request, live);
create index interactions_idle on interactions (touched) where live = 1;
create index interactions_live on interactions (started) where live = 1;
create index interactions_started on interactions (started);
create index interactions_unfinished on interactions (started) where unfinished = 1;
create index interactions_counted on interactions (account, touched) where counted = 1;

-- A number given out at ④: the pair of caller and called number belongs to one interaction until `free_at`. Kept one day.
drop table calls;
create table call_leases (
  caller BYTES not null,
  called TEXT not null,
  network BYTES not null,
  interaction TEXT not null,
  serial BIGINT not null,
  since BIGINT not null,
  call_until BIGINT not null,
  free_at BIGINT not null,
  seen_at BIGINT,
  primary key (caller, called)
);
create index call_leases_free on call_leases (free_at);

-- Who was refused a number: `called` is kept for them from `at` on, or nothing is. Kept a day.
create table call_waits (
  caller BYTES not null,
  interaction TEXT not null,
  network BYTES not null,
  since BIGINT not null,
  called TEXT,
  at BIGINT not null,
  primary key (caller, interaction)
);
create index call_waits_at on call_waits (at);

-- A call whose number was withheld: everybody who waits at the called number is told how to call again. Kept one day.
create table withheld_calls (
  called TEXT not null,
  at BIGINT not null,
  primary key (called, at)
);
create index withheld_calls_at on withheld_calls (at);

-- Which kind of alarm the audit record speaks of already, hour by hour. Kept two hours.
create table alarms (
  kind TEXT not null,
  hour BIGINT not null,
  primary key (kind, hour)
);
create index alarms_hour on alarms (hour);
