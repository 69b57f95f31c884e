//! The history of one link, from its events: allowed, changed, ended, and by whom.

use crate::audit::story;
use crate::authorize::Details;
use crate::clock::Instant;
use crate::event::{self, Event, EventKind};
use crate::grant::{By, Grant, GrantState};
use crate::id::GrantId;
use crate::store::{Result, Tx};
use serde::Serialize;

/// The most events of one link that are read.
const MOST: i64 = 200;

/// One line of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// When.
    pub at: Instant,
    /// What.
    pub kind: ChangeKind,
    /// Who or what caused it: a word of `by` (docs/events.md), or `replaced`, `expired`.
    pub by: &'static str,
}

/// What happened to a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// The customer allowed it.
    Allowed,
    /// It covers more than before.
    Widened,
    /// It covers less than before.
    Narrowed,
    /// It covers the same for a new period.
    Renewed,
    /// It covers other things than before.
    Changed,
    /// It ended.
    Ended,
}

/// The history of a grant at `now`.
pub(super) fn of(tx: &mut Tx<'_, '_>, grant: &Grant, now: Instant) -> Result<Vec<Change>> {
    let mut history = vec![Change { at: grant.created_at, kind: ChangeKind::Allowed, by: By::Customer.as_str() }];
    let mut before: Option<Details> = None;
    for event in event::story_of_grant(tx, &grant.id, MOST)? {
        if event.kind == EventKind::GrantUpdated {
            let after = covered(&event);
            if before.is_none() {
                before = agreed_first(tx, &grant.id)?;
            }
            history.push(Change { at: event.at, kind: kind(before.as_ref(), after.as_ref(), &event), by: by(&event) });
            before = after;
        }
    }
    history.extend(end(&grant.state_at(now)));
    Ok(history)
}

/// The end in words of `by`.
fn end(state: &GrantState) -> Option<Change> {
    let (at, by) = match state {
        GrantState::Pending | GrantState::Active { .. } => return None,
        GrantState::Replaced { at, .. } => (*at, "replaced"),
        GrantState::Revoked { at, by } => (*at, by.as_str()),
        GrantState::Expired { at } => (*at, "expired"),
    };
    Some(Change { at, kind: ChangeKind::Ended, by })
}

/// What a grant covered after a change.
fn covered(event: &Event) -> Option<Details> {
    let details = event.detail.get("authorization_details")?;
    let first = details.get(0).unwrap_or(details);
    serde_json::from_value(first.clone()).ok()
}

/// What the customer agreed to when the link was made, if the record is still kept. A merge gives a grant another consent, and
/// it may be about another account.
fn agreed_first(tx: &mut Tx<'_, '_>, id: &GrantId) -> Result<Option<Details>> {
    let row = tx.row(
        concat!(
            "select c.details from audit a join consents c on c.account_index = a.account and c.decided_at = a.at \
             and c.interaction = a.interaction where a.grant_id = ?1 and a.action = 'grant.created' and ",
            story!(),
            " and c.decision = 'granted'"
        ),
        &[id.as_str().into()],
    )?;
    Ok(row.map(|row| row.text(0).map(serde_json::from_str::<Details>)).transpose()?.and_then(std::result::Result::ok))
}

fn by(event: &Event) -> &'static str {
    let said = event.detail.get("by").and_then(serde_json::Value::as_str);
    said.and_then(By::parse).unwrap_or(By::Client).as_str()
}

/// Whether it covers more or less. Only an app with the customer's consent can widen a link; whoever else changes one
/// takes something away.
fn kind(before: Option<&Details>, after: Option<&Details>, event: &Event) -> ChangeKind {
    if by(event) != By::Client.as_str() {
        return ChangeKind::Narrowed;
    }
    let (Some(before), Some(after)) = (before, after) else { return ChangeKind::Changed };
    let all = |of: &Details, among: &Details| {
        of.accounts.iter().all(|a| among.accounts.contains(a))
            && of.permissions.iter().all(|p| among.permissions.contains(p))
    };
    match (all(before, after), all(after, before)) {
        (true, false) => ChangeKind::Widened,
        (false, true) => ChangeKind::Narrowed,
        (true, true) if (before.from, before.to) == (after.from, after.to) => ChangeKind::Renewed,
        _ => ChangeKind::Changed,
    }
}
