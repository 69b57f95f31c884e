//! The record and the log line of a start: which program with which terms and which configuration served from then on.

use super::Error;
use crate::audit::{self, Actor, AuditAction, Entry};
use crate::clock::Instant;
use crate::config::Config;
use crate::store::Store;
use serde_json::json;
use std::net::SocketAddr;

/// Appends the record. A disk without any room must not keep a server from its start: then the log has it.
///
/// # Errors
/// The configuration cannot be written as JSON.
pub(super) async fn record(
    store: &Store,
    config: &Config,
    listening: (&[SocketAddr], &[SocketAddr]),
    now: Instant,
) -> Result<(), Error> {
    let digest = config.digest().map_err(super::key("configuration"))?;
    let detail = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "terms_version": config.institution.terms_version,
        "config_sha256": digest,
    });
    let entry = Entry { detail, ..Entry::new(now, Actor::System, AuditAction::ServerStarted) };
    let told = entry.detail.to_string();
    let engine = if store.is_postgres() { "postgresql" } else { "sqlite" };
    let (listen, mtls) = listening;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        listen = ?listen,
        mtls_listen = ?mtls,
        engine,
        config_sha256 = digest,
        "the server starts"
    );
    if let Err(cause) = store.ending().write(move |tx| audit::append(tx, &entry)).await {
        tracing::error!(%cause, start = told, "the start could not be recorded");
    }
    Ok(())
}
