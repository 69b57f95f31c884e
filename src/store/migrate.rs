//! Schema files: numbered, embedded, one text for both engines (`BYTES` is the only word that differs).

use super::{Result, tx::engine};

/// Every schema file, oldest first.
pub const FILES: &[(&str, &str)] = &[
    ("0001_ground", include_str!("schema/0001_ground.sql")),
    ("0002_client", include_str!("schema/0002_client.sql")),
    ("0003_authorize", include_str!("schema/0003_authorize.sql")),
    ("0004_identity", include_str!("schema/0004_identity.sql")),
    ("0005_grant", include_str!("schema/0005_grant.sql")),
    ("0006_lifecycle", include_str!("schema/0006_lifecycle.sql")),
];

pub(super) fn run_sqlite(c: &rusqlite::Connection) -> Result<()> {
    for (_, text) in FILES {
        c.execute_batch(&text.replace("BYTES", "BLOB")).map_err(engine)?;
    }
    Ok(())
}
