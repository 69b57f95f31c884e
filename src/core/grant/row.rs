//! Reads a row of `grants` into a [`Grant`]. An impossible combination of columns is an error that names it.

use super::{By, Grant, GrantState};
use crate::clock::Instant;
use crate::id::{ClientId, ConsentId, GrantId};
use crate::scope::Scope;
use crate::store::{Error, Result, Row};

/// The columns [`from_row`] needs, in this order, starting at `first`.
macro_rules! columns {
    () => {
        "g.id, g.consent_id, g.client_id, g.sub, g.account_index, g.account, g.reference, g.scope, g.details, g.acr, \
         g.amr, g.auth_time, g.created_at, g.expires_at, g.state, g.activated_at, g.ended_at, g.ended_by, \
         g.replaced_by, g.seq"
    };
}
pub(crate) use columns;

/// Reads a grant from the twenty columns starting at `first`.
pub(crate) fn from_row(row: &Row, first: usize) -> Result<Grant> {
    let at = |i: usize| first + i;
    let id = row.text(at(0))?;
    let bad = |why: &str| Error::Corrupt { table: "grants", row: id.to_owned(), why: why.to_owned() };
    Ok(Grant {
        id: GrantId::parse(id).ok_or_else(|| bad("id"))?,
        consent: ConsentId::parse(row.text(at(1))?).ok_or_else(|| bad("consent_id"))?,
        client: ClientId::parse(row.text(at(2))?).ok_or_else(|| bad("client_id"))?,
        sub: row.text(at(3))?.to_owned(),
        account_index: row.hash(at(4))?,
        account: row.bytes(at(5))?.to_vec(),
        reference: row.text(at(6))?.to_owned(),
        scope: Scope::parse(row.text(at(7))?).ok_or_else(|| bad("scope"))?,
        details: serde_json::from_str(row.text(at(8))?).map_err(|e| bad(&format!("details: {e}")))?,
        acr: row.text(at(9))?.to_owned(),
        amr: row.text(at(10))?.split(' ').filter(|f| !f.is_empty()).map(str::to_owned).collect(),
        auth_time: row.instant(at(11))?,
        created_at: row.instant(at(12))?,
        // Earlier releases wrote milliseconds, and the app was given seconds: it ends at the second the app knows.
        expires_at: row.instant(at(13))?.floor_second(),
        state: state(row, at(14)).map_err(|e| e.unwrap_or_else(|| bad("state, times and reasons contradict")))?,
        seq: row.int(at(19))?,
    })
}

type Parts<'a> = (&'a str, Option<Instant>, Option<Instant>, Option<&'a str>, Option<&'a str>);

fn state(row: &Row, first: usize) -> std::result::Result<GrantState, Option<Error>> {
    let parts: Parts<'_> = (
        row.text(first)?,
        row.opt_instant(first + 1)?,
        row.opt_instant(first + 2)?,
        row.opt_text(first + 3)?,
        row.opt_text(first + 4)?,
    );
    Ok(match parts {
        ("pending", None, None, None, None) => GrantState::Pending,
        ("active", Some(since), None, None, None) => GrantState::Active { since },
        ("replaced", _, Some(at), Some("replaced"), Some(by)) => {
            GrantState::Replaced { at, by: GrantId::parse(by).ok_or(None)? }
        }
        ("revoked", _, Some(at), Some(by), None) => GrantState::Revoked { at, by: By::parse(by).ok_or(None)? },
        ("expired", _, Some(at), Some("expired"), None) => GrantState::Expired { at },
        _ => return Err(None),
    })
}
