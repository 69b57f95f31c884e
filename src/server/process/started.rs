//! The record of a start: which program with which terms and which configuration served from then on.

use super::Error;
use crate::audit::{self, Actor, AuditAction, Entry};
use crate::clock::Instant;
use crate::config::Config;
use crate::store::Store;
use serde_json::json;

/// Appends the record. A disk without any room must not keep a server from its start: then the log has it.
///
/// # Errors
/// The configuration cannot be written as JSON.
pub(super) async fn record(store: &Store, config: &Config, now: Instant) -> Result<(), Error> {
    let digest = config.digest().map_err(super::key("configuration"))?;
    let detail = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "terms_version": config.institution.terms_version,
        "config_sha256": digest,
    });
    let entry = Entry { detail, ..Entry::new(now, Actor::System, AuditAction::ServerStarted) };
    let told = entry.detail.to_string();
    if let Err(cause) = store.ending().write(move |tx| audit::append(tx, &entry)).await {
        tracing::error!(%cause, start = told, "the start could not be recorded");
    }
    Ok(())
}
