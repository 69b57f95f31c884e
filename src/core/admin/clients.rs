//! The client registry and our own keys, as staff sees and changes them.

use super::import::import;
use super::{AdminContext, AdminError};
use crate::audit::Actor;
use crate::client::metadata::{document, provider_mistakes};
use crate::client::registration::sql as registration;
use crate::client::sql::{self, Changed};
use crate::client::{Client, LEAST_OVERLAP, MOST_OVERLAP, SecretKey, Status, renew_secret};
use crate::clock::Instant;
use crate::id::{ClientId, EventId};
use crate::refusal::Refusal;
use crate::secret;
use crate::store::Tx;
use serde_json::{Value, json};
use std::time::Duration;

/// A query or command about the client registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientAsk {
    /// Every client.
    List,
    /// One record.
    Show {
        /// The client.
        id: ClientId,
    },
    /// Register a client or replace its record.
    Import {
        /// RFC 7591 metadata and our own members (requirements.md#client-record).
        record: Value,
        /// Whether a record that is there may be replaced.
        replace: bool,
    },
    /// Suspend a client (`Suspended`) or resume it (`Active`).
    SetStatus {
        /// The client.
        id: ClientId,
        /// The new status.
        status: Status,
    },
    /// Approve a new client, or the change a client requested.
    Approve {
        /// The client.
        id: ClientId,
        /// The version that staff saw; another one is not approved.
        version: Option<i64>,
    },
    /// Decline: a new client is deleted, a requested change is discarded.
    Decline {
        /// The client.
        id: ClientId,
    },
    /// Make a new registration access token (RFC 7592); the old one becomes invalid at once.
    Token {
        /// The client.
        id: ClientId,
    },
    /// Make a new secret.
    RotateSecret {
        /// The client.
        id: ClientId,
        /// How long the old one still counts, at most [`MOST_OVERLAP`]; `None`: it becomes invalid at once.
        overlap: Option<Duration>,
    },
}

/// Clients read at once.
const PAGE: i64 = 200;

impl ClientAsk {
    /// Method, path below the base, body.
    pub(super) fn http(&self) -> (&'static str, String, Option<Value>) {
        match self {
            Self::List => ("GET", "/clients".into(), None),
            Self::Show { id } => ("GET", format!("/clients/{id}"), None),
            Self::Import { record, replace } => {
                ("POST", "/clients".into(), Some(json!({"record": record, "replace": replace})))
            }
            Self::SetStatus { id, status: Status::Active } => ("POST", format!("/clients/{id}/resume"), None),
            Self::SetStatus { id, .. } => ("POST", format!("/clients/{id}/suspend"), None),
            Self::Approve { id, version } => {
                ("POST", format!("/clients/{id}/approve"), version.map(|v| json!({"version": v})))
            }
            Self::Decline { id } => ("POST", format!("/clients/{id}/decline"), None),
            Self::Token { id } => ("POST", format!("/clients/{id}/token"), None),
            Self::RotateSecret { id, overlap } => {
                ("POST", format!("/clients/{id}/secret"), overlap.map(|time| json!({"overlap": time.as_secs()})))
            }
        }
    }

    /// Parses what [`ClientAsk::http`] wrote; `None` for a path that is not about clients.
    pub(super) fn parse(method: &str, path: &[&str], body: &[u8]) -> Option<Result<Self, AdminError>> {
        let invalid = |what: &str| AdminError::Invalid(format!("{what} is missing or not well formed"));
        let id = |text: &str| ClientId::parse(text).ok_or_else(|| invalid("the client id"));
        let status = |text, status| id(text).map(|id| Self::SetStatus { id, status });
        Some(match (method, path) {
            ("GET", ["clients"]) => Ok(Self::List),
            ("POST", ["clients"]) => import_body(body),
            ("GET", ["clients", text]) => id(text).map(|id| Self::Show { id }),
            ("POST", ["clients", text, "suspend"]) => status(text, Status::Suspended),
            ("POST", ["clients", text, "resume"]) => status(text, Status::Active),
            ("POST", ["clients", text, "approve"]) => {
                id(text).and_then(|id| version(body).map(|version| Self::Approve { id, version }))
            }
            ("POST", ["clients", text, "decline"]) => id(text).map(|id| Self::Decline { id }),
            ("POST", ["clients", text, "token"]) => id(text).map(|id| Self::Token { id }),
            ("POST", ["clients", text, "secret"]) => {
                id(text).and_then(|id| overlap(body).map(|overlap| Self::RotateSecret { id, overlap }))
            }
            _ => return None,
        })
    }
}

fn import_body(body: &[u8]) -> Result<ClientAsk, AdminError> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        record: Value,
        replace: bool,
    }
    let invalid = |_| AdminError::Invalid("the body {\"record\": {…}, \"replace\": …} is not well formed".into());
    serde_json::from_slice(body).map(|Body { record, replace }| ClientAsk::Import { record, replace }).map_err(invalid)
}

fn overlap(body: &[u8]) -> Result<Option<Duration>, AdminError> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        overlap: u64,
    }
    if body.is_empty() {
        return Ok(None);
    }
    let read: Result<Body, _> = serde_json::from_slice(body);
    let asked = read.ok().map(|body| Duration::from_secs(body.overlap));
    let fits = asked.filter(|time| (LEAST_OVERLAP..=MOST_OVERLAP).contains(time));
    fits.map(Some).ok_or_else(|| AdminError::Invalid("the old secret can be kept for 1m to 7d".into()))
}

fn version(body: &[u8]) -> Result<Option<i64>, AdminError> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        version: i64,
    }
    if body.is_empty() {
        return Ok(None);
    }
    let body: Result<Body, _> = serde_json::from_slice(body);
    body.map(|b| Some(b.version))
        .map_err(|_| AdminError::Invalid("the body {\"version\": …} is not well formed".into()))
}

pub(super) async fn answer(
    service: &AdminContext,
    ask: ClientAsk,
    actor: Actor,
    now: Instant,
) -> Result<Value, AdminError> {
    match ask {
        ClientAsk::List => list(service).await,
        ClientAsk::Show { id } => show(service, &id).await,
        ClientAsk::Import { record, replace } => import(service, record, replace, actor, now).await,
        ClientAsk::SetStatus { id, status } => set_status(service, id, status, actor, now).await,
        ClientAsk::Approve { id, version } => approve(service, id, version, actor, now).await,
        ClientAsk::Decline { id } => decline(service, id, actor, now).await,
        ClientAsk::Token { id } => token(service, id, actor, now).await,
        ClientAsk::RotateSecret { id, overlap } => rotate(service, id, overlap, actor, now).await,
    }
}

/// A record with its last change, its version, and the change that waits for approval.
fn client_json(client: &Client, proposed: Option<&Client>) -> Value {
    let mut record = document(client);
    record["updated_at"] = client.updated_at.rfc3339().into();
    record["version"] = client.version.into();
    if let Some(former) = &client.former_secret {
        record["former_secret_until"] = former.until.rfc3339().into();
    }
    if let Some(wanted) = proposed {
        record["change_pending"] = document(wanted);
    }
    record
}

pub(super) async fn show(service: &AdminContext, id: &ClientId) -> Result<Value, AdminError> {
    let wanted = id.clone();
    let found = service.store.read(move |tx| {
        let Some(client) = sql::load(tx, &wanted)? else { return Ok(None) };
        let proposed = registration::proposed(tx, &client)?;
        Ok(Some(client_json(&client, proposed.as_ref())))
    });
    found.await?.ok_or_else(|| unknown(id))
}

async fn load(service: &AdminContext, id: &ClientId) -> Result<Client, AdminError> {
    let wanted = id.clone();
    service.store.read(move |tx| sql::load(tx, &wanted)).await?.ok_or_else(|| unknown(id))
}
/// The key that protects stored secrets. Without a running server it may not exist yet, and is made here.
pub(super) async fn secret_key(service: &AdminContext, now: Instant) -> Result<SecretKey, AdminError> {
    Ok(SecretKey::open(&service.store, &service.crypto.sealer, &*service.crypto.random, now).await?)
}
fn unknown(id: &ClientId) -> AdminError {
    AdminError::Unknown(format!("there is no client {id}"))
}

async fn list(service: &AdminContext) -> Result<Value, AdminError> {
    let (mut clients, mut after) = (Vec::new(), None::<ClientId>);
    loop {
        let from = after.clone();
        let page = service.store.scan(move |tx| {
            let page = sql::list(tx, from.as_ref(), PAGE)?.into_iter();
            page.map(|c| registration::proposed(tx, &c).map(|p| (client_json(&c, p.as_ref()), c.id))).collect()
        });
        let page: Vec<(Value, ClientId)> = page.await?;
        let Some((_, last)) = page.last() else { break };
        after = Some(last.clone());
        clients.extend(page.into_iter().map(|(told, _)| told));
    }
    Ok(json!({"clients": clients}))
}

async fn set_status(
    service: &AdminContext,
    id: ClientId,
    status: Status,
    actor: Actor,
    now: Instant,
) -> Result<Value, AdminError> {
    let event = EventId::random(&*service.crypto.random);
    let wanted = id.clone();
    let changed = service.store.write(move |tx| sql::set_status(tx, &wanted, status, &actor, &event, now)).await?;
    settled(&id, status, changed)
}

async fn approve(
    service: &AdminContext,
    id: ClientId,
    version: Option<i64>,
    actor: Actor,
    now: Instant,
) -> Result<Value, AdminError> {
    let event = EventId::random(&*service.crypto.random);
    let (wanted, in_production) = (id.clone(), service.in_production);
    let work = move |tx: &mut Tx<'_, '_>| {
        let record = registration::to_approve(tx, &wanted)?.filter(|_| in_production);
        let missing = record.map(|record| provider_mistakes(&record)).unwrap_or_default();
        match missing.is_empty() {
            true => registration::approve(tx, &wanted, version, &actor, &event, now).map(Ok),
            false => Ok(Err(missing)),
        }
    };
    let done = service.store.write(work).await?.map_err(|missing| AdminError::NotNow(not_yet(&id, &missing)))?;
    let mut answer = settled(&id, Status::Active, done)?;
    // The record as it is now: it may have changed since staff saw it.
    answer["client"] = show(service, &id).await?;
    answer["status"] = answer["client"]["status"].clone();
    Ok(answer)
}

/// Only the institution may write the registration number, so it has to complete the record before it approves it.
fn not_yet(id: &ClientId, missing: &[Refusal]) -> String {
    let missing: Vec<&str> = missing.iter().map(|one| &*one.description).collect();
    format!(
        "{}. Complete the record of {id} (`renkei client show`, then `renkei client import --replace`), then approve it",
        missing.join("; ")
    )
}

async fn decline(service: &AdminContext, id: ClientId, actor: Actor, now: Instant) -> Result<Value, AdminError> {
    let event = EventId::random(&*service.crypto.random);
    let wanted = id.clone();
    match service.store.write(move |tx| registration::decline(tx, &wanted, &actor, &event, now)).await? {
        Changed::Yes => Ok(json!({"client_id": id, "declined": true})),
        Changed::Unknown => Err(unknown(&id)),
        _ => Err(AdminError::NotNow(format!("no request of {id} waits for approval"))),
    }
}

async fn token(service: &AdminContext, id: ClientId, actor: Actor, now: Instant) -> Result<Value, AdminError> {
    let token = secret::issue(secret::SecretKind::Registration, &*service.crypto.random);
    let (wanted, hash) = (id.clone(), token.hash());
    if service.store.write(move |tx| registration::set_token(tx, &wanted, hash, &actor, now)).await? {
        Ok(json!({"client_id": id, "registration_access_token": token.reveal()}))
    } else {
        Err(unknown(&id))
    }
}

fn settled(id: &ClientId, status: Status, changed: Changed) -> Result<Value, AdminError> {
    match changed {
        Changed::Yes => Ok(json!({"client_id": id, "status": status.as_str()})),
        Changed::Already => Err(AdminError::NotNow(format!("{id} is {} already", status.as_str()))),
        Changed::Not(Status::Pending) => {
            Err(AdminError::NotNow(format!("{id} waits for approval: it cannot be used yet")))
        }
        Changed::Newer => {
            Err(AdminError::NotNow(format!("the record of {id} no longer has this version: look at it again")))
        }
        Changed::Not(other) => Err(AdminError::NotNow(format!("{id} is {}", other.as_str()))),
        Changed::Unknown => Err(unknown(id)),
    }
}

async fn rotate(
    service: &AdminContext,
    id: ClientId,
    overlap: Option<Duration>,
    actor: Actor,
    now: Instant,
) -> Result<Value, AdminError> {
    let client = load(service, &id).await?;
    if !client.auth_method.is_secret() {
        let why = match client.secret {
            None => "it has no secret",
            Some(_) => "its former secret is deleted when its record is imported again",
        };
        return Err(AdminError::NotNow(format!("{id} authenticates with its own key: {why}")));
    }
    let key = secret_key(service, now).await?;
    let (secret, stored) = renew_secret(&key, &*service.crypto.random);
    let (wanted, until) = (id.clone(), overlap.map(|time| now + time));
    let work = move |tx: &mut Tx<'_, '_>| {
        let keep = until.map(|until| (&key, until));
        let known = sql::set_secret(tx, &wanted, &stored, keep, &actor, now)?;
        // One that this release cannot check is not kept.
        let former = sql::load(tx, &wanted)?.and_then(|client| client.former_secret);
        Ok((known, former.map(|former| former.until)))
    };
    let (known, former) = service.store.write(work).await?;
    if !known {
        return Err(unknown(&id));
    }
    Ok(json!({"client_id": id, "client_secret": secret.reveal(), "former_until": former.map(Instant::rfc3339)}))
}
