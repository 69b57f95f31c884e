//! What is said by hand: values that a statement does not show, and the statements that may visit more rows in a larger store.

use renkei_core::store::Value;

/// Part of a statement, the number of a parameter, and its value.
pub(crate) const GIVEN: &[(&str, usize, fn() -> Value)] = &[
    ("where substr(id, 1, 8) = ?1", 1, || "10000000".into()),
    ("(taken_until = ?6 or ?7 = 1)", 7, || 1.into()),
    ("set pos = pos + ?1", 1, || 1.into()),
    ("coalesce(change_id, '') = ?2", 2, || "".into()),
    ("from notice_addresses a where a.grant_id = ?6", 4, || 1_700_000_000_000.into()),
    // The code asks for 10,000 positions at most.
    ("where pos >= ?2 and pos < ?3 and at >= ?1", 2, || 1000.into()),
    ("where pos >= ?2 and pos < ?3 and at >= ?1", 3, || 2000.into()),
    // The record of a resource server, which has no links.
    ("and kind in ('client.changed', 'client.suspended', 'client.resumed', 'client.ended') order by pos", 1, || {
        "api".into()
    }),
];

/// Statements that are not measured, and why.
pub(crate) const NOT_MEASURED: &[(&str, &str)] = &[
    ("from pragma_foreign_key_check", "SQLite alone; `db check` reads the whole file"),
    ("from sqlite_master", "SQLite alone; the schema is small"),
    ("from pg_class where oid = to_regclass(?1)", "PostgreSQL alone, of its catalog"),
    ("(extract(epoch from ", "PostgreSQL alone: measured there"),
    ("event_head", "one row in every store, an empty one too"),
    ("from schema_files", "one row for each schema file"),
    ("from schema_oldest", "one row for each schema file"),
];

/// How the rows visited may grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grows {
    /// With the history of the account or the link that it asks about. An ordinary account costs the same in any store.
    WithItsOwn,
    /// With the store: it reads all of something, in pages or once.
    WithTheStore,
    /// With the store, where statistics are old, or missing on PostgreSQL.
    WithoutStatistics,
}

/// Part of a statement, how it grows, and why that is right. An entry that is not needed fails the test.
pub(crate) const LISTED: &[(&str, Grows, &str)] = &[
    (
        "and account = ?6 order by",
        Grows::WithItsOwn,
        "an export of one account, at the command of staff: each page sorts the records of the account",
    ),
    (
        "and at < ?4 and grant_id = ?6",
        Grows::WithItsOwn,
        "PostgreSQL sorts the records of one link; an export of it is at the command of staff",
    ),
    (
        "and actor like 'staff:%'",
        Grows::WithItsOwn,
        "`audit looks`: what staff did, among the records of the account and its links",
    ),
    (
        "and at < ?4 and grant_id in (select grant_id from audit where account = ?6",
        Grows::WithoutStatistics,
        "PostgreSQL reads the record in order of time, and not link by link; SQLite too with old statistics. At the command of staff",
    ),
    ("and actor like 'staff:%'", Grows::WithoutStatistics, "PostgreSQL does the same for `audit looks`"),
    (
        "select distinct grant_id from audit where account = ?1 and interaction = ?2",
        Grows::WithItsOwn,
        "`consent show`: the records of one interaction among those of the account",
    ),
    (
        "union select grant_id from grant_accounts where account_index = ?1) order by g.created_at desc",
        Grows::WithItsOwn,
        "`grant list`: the newest of the account's links, which are sorted",
    ),
    (
        "union select grant_id from grant_accounts where account_index = ?1) and g.ended_at > ?2",
        Grows::WithItsOwn,
        "the customer's own page: those of the account's links that ended lately",
    ),
    (
        "select g.id, g.state, g.seq, (select count(*) from events",
        Grows::WithTheStore,
        "`verify` counts the events of each link, in pages of 500 links; one of the first page has the most events",
    ),
    (
        "where c.status = 'ended' and g.ended_at is null and g.expires_at > ?1 limit",
        Grows::WithTheStore,
        "links of an ended app whose time is over are passed over until the sweeper, which runs as often, has ended them",
    ),
    (
        "select hash from codes where undone_at is not null",
        Grows::WithTheStore,
        "a restore reads the codes once for each 500 that were taken back, which are few",
    ),
];
