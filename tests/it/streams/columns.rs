//! Whatever introspection reads either never changes, or its change is told by an event. A new column fails here until somebody
//! has decided which.

use renkei_core::event::EventKind;
use renkei_core::token::find::FIND_ACCESS;

/// What becomes of a column.
enum Column {
    /// It is written once.
    Fixed,
    /// Its change is told by one of these.
    ToldBy(&'static [EventKind]),
    /// Introspection does not show it, and judges nothing by it.
    NotShown,
}
use Column::{Fixed, NotShown, ToldBy};

const ENDS: &[EventKind] = &[EventKind::GrantRevoked, EventKind::GrantReplaced, EventKind::GrantExpired];

const COLUMNS: &[(&str, Column)] = &[
    ("t.id", Fixed),
    ("t.client_id", Fixed),
    ("t.scope", Fixed),
    ("t.aud", Fixed),
    ("t.jkt", Fixed),
    ("t.x5t", Fixed),
    ("t.issued_at", Fixed),
    ("t.expires_at", Fixed),
    ("t.revoked_at", ToldBy(&[EventKind::TokenRevoked])),
    ("c.status", ToldBy(&[EventKind::ClientSuspended, EventKind::ClientResumed, EventKind::ClientEnded])),
    ("t.details", Fixed),
    ("g.id", Fixed),
    ("g.consent_id", Fixed),
    ("g.client_id", Fixed),
    ("g.sub", Fixed),
    ("g.account_index", Fixed),
    ("g.account", NotShown),
    ("g.reference", Fixed),
    ("g.scope", ToldBy(&[EventKind::GrantUpdated])),
    ("g.details", ToldBy(&[EventKind::GrantUpdated])),
    ("g.acr", Fixed),
    ("g.amr", Fixed),
    ("g.auth_time", Fixed),
    ("g.created_at", Fixed),
    ("g.expires_at", Fixed),
    ("g.state", ToldBy(ENDS)),
    ("g.activated_at", NotShown),
    ("g.ended_at", ToldBy(ENDS)),
    ("g.ended_by", ToldBy(ENDS)),
    ("g.replaced_by", ToldBy(ENDS)),
    ("g.seq", NotShown),
];

#[test]
fn every_column_that_introspection_reads_is_fixed_or_told() {
    let list = FIND_ACCESS.strip_prefix("select ").unwrap().split(" from ").next().unwrap();
    let read: Vec<&str> = list.split(',').map(str::trim).collect();
    let known: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
    assert_eq!(read, known, "a new column: does it change? then which event tells it?");
    for (name, column) in COLUMNS {
        if let ToldBy(kinds) = column {
            for kind in *kinds {
                assert!(kind.audience().resource_server, "{name}: {kind:?} does not reach resource servers");
            }
        }
    }
}
