-- How often the time of an interaction has begun anew (最初からやり直す before its end). It has a limit.
alter table interactions add column renewals bigint not null default 0;
