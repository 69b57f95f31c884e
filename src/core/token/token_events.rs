//! What is written when a token is issued or revoked: an audit record and an event, numbered by its grant if it has
//! one.

use crate::audit::{self, Actor, AuditAction, Entry};
use crate::clock::Instant;
use crate::event::{self, Event, EventKind, event_id};
use crate::grant::{self, Grant};
use crate::id::{ClientId, GrantId, TokenId};
use crate::store::{Result, Tx};
use serde_json::Value;

/// The event alone. A client's own token has no grant to number its events. Each kind of event happens to it once, so
/// the kind identifies the event.
pub(super) fn event(
    tx: &mut Tx<'_, '_>,
    (token, client, aud): (&TokenId, &ClientId, &[String]),
    grant: Option<&GrantId>,
    kind: EventKind,
    detail: Value,
    now: Instant,
) -> Result<()> {
    if let Some(grant) = grant {
        return grant::sql::emit_event(tx, grant, kind, detail, now);
    }
    let id = event_id(token.as_str(), i64::from(kind == EventKind::TokenRevoked))?;
    event::emit(tx, &Event { detail, aud: aud.to_vec(), ..Event::of_client(id, now, kind, Some(client.clone())) })
}

/// Event and audit record.
pub(super) fn event_and_audit(
    tx: &mut Tx<'_, '_>,
    (token, client, aud): (&TokenId, &ClientId, &[String]),
    grant: Option<&Grant>,
    kind: EventKind,
    detail: Value,
    now: Instant,
) -> Result<()> {
    event(tx, (token, client, aud), grant.map(|g| &g.id), kind, detail.clone(), now)?;
    let entry = Entry {
        client: Some(client.clone()),
        grant: grant.map(|g| g.id.clone()),
        account: grant.map(|g| g.account_index),
        detail,
        ..Entry::new(now, Actor::Client(client.clone()), AuditAction::Event(kind))
    };
    audit::append(tx, &entry)
}
