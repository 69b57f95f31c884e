//! What the institution's staff may do, either through the admin socket of a running server, or by a command that opens
//! the store itself because no server runs.
//!
//! Owns the commands ([`AdminCommand`]), their form in HTTP ([`AdminCommand::http`], [`AdminCommand::parse`]) and their
//! results ([`answer`]). The audit record gets every change with the name of the staff member, and every query that
//! shows something of a customer, with its reason and the account. Does not own the socket (`server`) or the output (`cli`).

mod access;
pub mod backlog;
mod backup;
mod clients;
pub mod command;
mod consents;
mod grants;
mod import;
mod initial;
mod keys;
mod locks;
mod mail;
mod notices;
mod record;
mod service;
mod streams;
#[cfg(test)]
mod tests;
pub mod uid_name;

pub use access::{StaffAccess, of_peer};
pub use backup::restored;

pub use clients::ClientAsk;
pub use command::{AdminCommand, Period, StaffReason};
pub use consents::ConsentAsk;
pub use grants::{GrantKey, GrantsOf};
pub use initial::{InitialTokenRequest, TokenAsk};
pub use keys::Rotation;
pub use mail::TestMailer;
pub use streams::StreamAsk;

use crate::audit::Actor;
use crate::client::metadata::Rules;
use crate::clock::Instant;
use crate::identity::FieldCrypto;
use crate::keys::Ring;
use crate::keys::ring::{self, RotationPolicy};
use crate::store::{self, Store};
use serde_json::Value;
use std::time::Duration;

/// What a command needs.
#[derive(Clone)]
pub struct AdminContext {
    /// The store.
    pub store: Store,
    /// The issuer; `None` for a demo that does not run, because its port is not known.
    pub issuer: Option<String>,
    /// Opens sealed account numbers and computes indexes.
    pub crypto: FieldCrypto,
    /// The rules for client records.
    pub rules: Rules,
    /// The rotation times of our keys.
    pub rotation: RotationPolicy,
    /// How long after the end of a link an address for its notices may be stored at most.
    pub keep_address: Duration,
    /// The keys of a running server; `None` if no server runs.
    pub ring: Option<Ring>,
    /// What the one who asks may do.
    pub access: StaffAccess,
    /// Whether this is production: an imported app is one of a registered provider.
    pub in_production: bool,
    /// What sends a test mail; `None` for a demo that does not run.
    pub mailer: Option<TestMailer>,
}

/// Why a command fails.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdminError {
    /// The command is invalid (400).
    #[error("{0}")]
    Invalid(String),
    /// There is no such thing (404).
    #[error("{0}")]
    Unknown(String),
    /// Whoever asks may not do this (403).
    #[error("{0}")]
    NotAllowed(String),
    /// It exists, but its state does not allow this (409).
    #[error("{0}")]
    NotNow(String),
    /// The store failed; staff may see the cause (503).
    #[error(transparent)]
    Store(#[from] store::Error),
}
impl From<ring::Error> for AdminError {
    fn from(e: ring::Error) -> Self {
        match e {
            ring::Error::Store(e) => Self::Store(e),
            other => Self::NotNow(other.to_string()),
        }
    }
}

/// Runs one command.
///
/// # Errors
/// [`AdminError`].
pub async fn answer(service: &AdminContext, ask: AdminCommand, staff: &str, now: Instant) -> Result<Value, AdminError> {
    let needs = ask.needs();
    if service.access < needs {
        return Err(AdminError::NotAllowed(format!("this is for {} alone, and you are {staff}", needs.whose())));
    }
    let actor = Actor::Staff(staff.to_owned());
    match ask {
        AdminCommand::Grants { of, why } => grants::list(service, of, (why, actor), now).await,
        AdminCommand::Grant { of, why } => grants::show(service, of, (why, actor), now).await,
        AdminCommand::RevokeGrant { id, account: None, why } => grants::revoke(service, id, why, actor, now).await,
        AdminCommand::RevokeGrant { id, account: Some(account), why } => {
            grants::narrow(service, id, account, (why, actor), now).await
        }
        AdminCommand::Consent(ask) => consents::show(service, ask, actor, now).await,
        AdminCommand::Locks { why } => locks::list(service, why, actor, now).await,
        AdminCommand::ReleaseLock { account, why } => locks::release(service, account, why, actor, now).await,
        AdminCommand::Service => service::show(service).await,
        AdminCommand::SwitchService { off, why } => service::switch(service, off, why, actor, now).await,
        AdminCommand::Notices { why } => notices::list(service, why, actor, now).await,
        AdminCommand::RetryNotice { id } => notices::retry(service, id, actor, now).await,
        AdminCommand::VerifyAudit => record::verify(service, actor, now).await,
        AdminCommand::ExportAudit { period, grant, account, after, why } => {
            let wanted = record::RecordFilter { period, grant, account, after };
            record::export(service, &wanted, (why, actor), now).await
        }
        AdminCommand::Looks { account, why } => record::looks(service, account, (why, actor), now).await,
        AdminCommand::Client(ask) => clients::answer(service, ask, actor, now).await,
        AdminCommand::Token(ask) => initial::answer(service, ask, actor, now).await,
        AdminCommand::Stream(ask) => streams::answer(service, ask, actor, now).await,
        AdminCommand::Keys => keys::list(service).await,
        AdminCommand::RotateKeys(order) => keys::rotate(service, order, actor, now).await,
        AdminCommand::Backup { file } => backup::make(service, file, actor, now).await,
        AdminCommand::Schema => record::schema(service).await,
        AdminCommand::TestMail { to } => mail::test(service, to, actor, now).await,
    }
}
