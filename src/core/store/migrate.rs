//! Schema files: numbered, embedded, one text for both engines (only the word `BYTES` is replaced).
//!
//! A table stores the SHA-256 of each applied file. A migration is refused if the text of an applied file has changed.
//! First add, and remove one release later, so that the last two releases can run at the same time: a file that the release
//! before can run with says so in a line `-- oldest: 0.1.0`, with the oldest version that can. A program starts on a database
//! with files of a newer release if each of them names its version or an older one. [`can_run_with`] is pure.

use super::postgres::Session;
use super::{Error, Result, Tx, sqlite};
use crate::secret::Hash;

/// A schema file: its name and its text.
pub type File = (&'static str, &'static str);

/// Every schema file, oldest first.
pub const FILES: &[File] = &[
    ("0001_ground", include_str!("schema/0001_ground.sql")),
    ("0002_client", include_str!("schema/0002_client.sql")),
    ("0003_authorize", include_str!("schema/0003_authorize.sql")),
    ("0004_identity", include_str!("schema/0004_identity.sql")),
    ("0005_grant", include_str!("schema/0005_grant.sql")),
    ("0006_lifecycle", include_str!("schema/0006_lifecycle.sql")),
    ("0007_token_details", include_str!("schema/0007_token_details.sql")),
    ("0008_registration", include_str!("schema/0008_registration.sql")),
    ("0009_key_rotation", include_str!("schema/0009_key_rotation.sql")),
    ("0010_proofing_memory", include_str!("schema/0010_proofing_memory.sql")),
    ("0011_shared_accounts", include_str!("schema/0011_shared_accounts.sql")),
    ("0012_interactions", include_str!("schema/0012_interactions.sql")),
    ("0013_limits", include_str!("schema/0013_limits.sql")),
    ("0014_notices_and_guesses", include_str!("schema/0014_notices_and_guesses.sql")),
    ("0015_doubt", include_str!("schema/0015_doubt.sql")),
    ("0016_streams", include_str!("schema/0016_streams.sql")),
    ("0017_grant_changes", include_str!("schema/0017_grant_changes.sql")),
    ("0018_last_use", include_str!("schema/0018_last_use.sql")),
    ("0019_my", include_str!("schema/0019_my.sql")),
    ("0020_consent_words", include_str!("schema/0020_consent_words.sql")),
    ("0021_notices", include_str!("schema/0021_notices.sql")),
    ("0022_call_records", include_str!("schema/0022_call_records.sql")),
    ("0023_backlog", include_str!("schema/0023_backlog.sql")),
    ("0024_service_switch", include_str!("schema/0024_service_switch.sql")),
    ("0025_renewals", include_str!("schema/0025_renewals.sql")),
    ("0026_former_secrets", include_str!("schema/0026_former_secrets.sql")),
    ("0027_keys_wanted", include_str!("schema/0027_keys_wanted.sql")),
    ("0028_plans", include_str!("schema/0028_plans.sql")),
    ("0029_conditions", include_str!("schema/0029_conditions.sql")),
];

/// The state of one schema file in a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MigrationState {
    /// Applied with the text of this program.
    Applied,
    /// Not applied yet.
    Pending,
    /// Applied with another text.
    Changed,
    /// Applied by a newer program; this program does not have the file, and cannot run with it.
    Unknown,
    /// Applied by a newer program; the file says that this program can run with it.
    Newer,
}

/// Serializes migrations on PostgreSQL: the first eight letters of "renkei schema" as a number.
const LOCK: &str = "select pg_advisory_xact_lock(8243122654883636071)";
const TABLE: &str = "create table schema_files (name TEXT not null primary key, sha256 BYTES not null)";
/// The oldest version that can run with a file, if the file says so.
const OLDEST: &str = "create table schema_oldest (name TEXT not null primary key, version TEXT not null)";
/// The line of a schema file that names it.
const OLDEST_LINE: &str = "-- oldest: ";
/// The version of this program.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Whether a program of version `ours` can run with a file whose oldest version is `oldest`: three numbers each. What cannot be
/// read is no promise.
#[must_use]
pub fn can_run_with(oldest: &str, ours: &str) -> bool {
    let numbers = |text: &str| -> Option<Vec<u32>> {
        let parts: Option<Vec<u32>> = text.split('.').map(|part| part.parse().ok()).collect();
        parts.filter(|parts| parts.len() == 3)
    };
    match (numbers(oldest), numbers(ours)) {
        (Some(oldest), Some(ours)) => oldest <= ours,
        _ => false,
    }
}

/// The state of `files`, and of other files in the database, ordered by name.
pub fn status(tx: &mut Tx<'_, '_>, files: &[File]) -> Result<Vec<(String, MigrationState)>> {
    let mut applied = Vec::new();
    if tx.has_table("schema_files")? {
        for row in tx.rows("select name, sha256 from schema_files order by name limit 10000", &[])? {
            applied.push((row.text(0)?.to_owned(), row.hash(1)?));
        }
    }
    let mut out: Vec<(String, MigrationState)> = Vec::new();
    for (name, text) in files {
        let state = match applied.iter().find(|(n, _)| n == name) {
            None => MigrationState::Pending,
            Some((_, sum)) if *sum == Hash::of(text) => MigrationState::Applied,
            Some(_) => MigrationState::Changed,
        };
        out.push(((*name).to_owned(), state));
    }
    let mut oldest = Vec::new();
    if tx.has_table("schema_oldest")? {
        for row in tx.rows("select name, version from schema_oldest order by name limit 10000", &[])? {
            oldest.push((row.text(0)?.to_owned(), row.text(1)?.to_owned()));
        }
    }
    for (name, _) in applied {
        if files.iter().all(|(n, _)| *n != name) {
            let runs = oldest.iter().any(|(n, version)| *n == name && can_run_with(version, VERSION));
            out.push((name, if runs { MigrationState::Newer } else { MigrationState::Unknown }));
        }
    }
    out.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(out)
}

/// Applies pending files, in the caller's transaction.
fn apply(tx: &mut Tx<'_, '_>, files: &[File]) -> Result<()> {
    let states = status(tx, files)?;
    for (name, state) in &states {
        match state {
            MigrationState::Changed => return Err(Error::Schema(format!("{name} has changed since it was applied"))),
            MigrationState::Unknown => {
                let why = "is of a newer release than this program, and does not say that this program can run with it";
                return Err(Error::Schema(format!("{name} {why}")));
            }
            MigrationState::Newer => {
                tracing::warn!(file = name, "the schema is of a newer release, which lets this one run")
            }
            MigrationState::Applied | MigrationState::Pending => {}
        }
    }
    for (table, text) in [("schema_files", TABLE), ("schema_oldest", OLDEST)] {
        if !tx.has_table(table)? {
            tx.batch(text)?;
        }
    }
    for (name, text) in files {
        if states.iter().any(|(n, s)| n == name && *s == MigrationState::Pending) {
            tracing::info!(file = name, "applying a schema file");
            tx.batch(text)?;
            let row = [(*name).into(), Hash::of(text).into()];
            tx.execute("insert into schema_files (name, sha256) values (?1, ?2)", &row)?;
            if let Some(oldest) = text.lines().find_map(|line| line.strip_prefix(OLDEST_LINE)) {
                let row = [(*name).into(), oldest.trim().into()];
                tx.execute("insert into schema_oldest (name, version) values (?1, ?2)", &row)?;
            }
        }
    }
    Ok(())
}

/// Migrates a SQLite file: all pending files or none.
pub(super) fn sqlite(c: &rusqlite::Connection, files: &[File]) -> Result<()> {
    let run = |sql: &str| c.execute_batch(sql).map_err(|e| sqlite::trouble(&e).error());
    run("begin immediate")?;
    let done = apply(&mut Tx::sqlite(c, "migrate", None), files);
    run(if done.is_ok() { "commit" } else { "rollback" })?;
    done
}

/// Migrates a PostgreSQL database: all pending files or none, one node at a time. The isolation level is read
/// committed, so that this node sees what another node did while this one waited for the lock.
pub(super) fn postgres(session: &mut Session<'_>, files: &[File]) -> Result<()> {
    session.begin_read_committed().map_err(|t| t.error())?;
    session.batch(LOCK).map_err(|t| t.error())?;
    apply(&mut Tx::postgres(session, "migrate"), files)?;
    session.batch("commit").map_err(|t| t.error())
}
