-- One customer's way through the screens. What the customer said stands sealed in `sealed` while the way is live and
-- is gone when it ends. `live` is 1 until then; `past` is 1 once ② was passed (R35 counts those).
-- Kept one day after the start.
create table interactions (
  id TEXT not null primary key,
  client TEXT not null,
  request BYTES not null,
  address BYTES not null,
  cookie BYTES not null unique,
  cookie_old BYTES,
  cookie_old_until BIGINT,
  started BIGINT not null,
  touched BIGINT not null,
  step BIGINT not null,
  refused BIGINT not null,
  language TEXT,
  live BIGINT not null,
  past BIGINT not null,
  sealed BYTES not null
);
create index interactions_cookie_old on interactions (cookie_old);
create index interactions_address on interactions (address, live, past, started);
create index interactions_live on interactions (live, past, touched);
create index interactions_request on interactions (request, live);
create index interactions_started on interactions (started);

-- A number given out at ④ and what was heard of it: waiting → seen → used, or over. Kept one day.
create table calls (
  interaction TEXT not null,
  serial BIGINT not null,
  caller BYTES not null,
  called TEXT not null,
  since BIGINT not null,
  call_until BIGINT not null,
  state TEXT not null,
  seen_at BIGINT,
  withheld_at BIGINT,
  primary key (interaction, serial)
);
create index calls_pair on calls (called, state, call_until);
create index calls_caller on calls (caller, since);
create index calls_since on calls (since);

-- Calls already reported, by the SHA-256 of the gateway's call id: a repeated report is one call. Kept one day.
create table call_ids (
  id BYTES not null primary key,
  at BIGINT not null
);
create index call_ids_at on call_ids (at);

-- What was guessed wrong about an account, by its keyed index. `failures` and `asked` (asked and not yet answered) are
-- of the JST day `day`; `wrong_pins` counts on until a success or an operator (G5). A row without any of it is dropped.
create table lockouts (
  account BYTES not null primary key,
  sealed BYTES not null,
  day BIGINT not null,
  failures BIGINT not null,
  asked BIGINT not null,
  wrong_pins BIGINT not null,
  locked_at BIGINT,
  locked_until BIGINT,
  held BIGINT not null
);
create index lockouts_locked on lockouts (locked_at);
create index lockouts_day on lockouts (day);

-- How often something happened within an hour, by a keyed name (G3: R30 by address and by app). Kept two hours.
create table tallies (
  name BYTES not null,
  hour BIGINT not null,
  n BIGINT not null,
  primary key (name, hour)
);
create index tallies_hour on tallies (hour);
