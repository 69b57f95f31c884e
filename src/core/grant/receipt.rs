//! A receipt of a grant for its app: what was agreed, and what became of it. Its fields are those of ISO/IEC TS 27560; it
//! names accounts by the core bank's opaque ids, and nothing that the app does not know already.

use super::{Grant, GrantState, sql};
use crate::client::Downstream;
use crate::clock::Instant;
use crate::consent::RETENTION_LEAST;
use crate::event::{self, Event, EventKind};
use crate::id::{ClientId, GrantId};
use crate::scope::GRANT_MANAGEMENT;
use crate::secret::Hash;
use crate::store::{Result, Tx};
use serde_json::{Value, json};
use std::time::Duration;

/// `typ` of a receipt.
pub const TYP: &str = "consent-receipt+jwt";

/// The version of these fields.
const SCHEMA: &str = "1";

/// The most events that a receipt tells of.
const MOST: i64 = 500;

/// What the store has about a grant and its consent.
#[derive(Debug, Clone)]
pub struct GrantReceipt {
    grant: Grant,
    language: String,
    terms: (String, Hash),
    /// When the consent was given that it rests on now.
    agreed_at: Instant,
    events: Vec<Event>,
}

/// Who stands in a receipt beside the customer, and where to turn.
#[derive(Debug, Clone)]
pub struct ReceiptParties<'a> {
    /// `iss`: this server.
    pub issuer: &'a str,
    /// The institution's name.
    pub institution: &'a str,
    /// Its telephone number, where a customer stops a link.
    pub phone: &'a str,
    /// Where its terms stand.
    pub terms_url: &'a str,
    /// The app's provider.
    pub provider: &'a str,
    /// Its registration number.
    pub registration_number: Option<&'a str>,
    /// Its contact for customers.
    pub contact: Option<&'a str>,
    /// Who receives the data next.
    pub downstream: &'a [Downstream],
    /// Where the app ends the link.
    pub grants_endpoint: &'a str,
    /// Where the customer stops it: 連携サービスの確認・停止.
    pub own_page: &'a str,
    /// How long records are kept after the end.
    pub retention: Duration,
}

/// The record of a grant of this client that was redeemed once, ended or not; `None` for every other.
pub fn find(tx: &mut Tx<'_, '_>, client: &ClientId, id: &GrantId) -> Result<Option<GrantReceipt>> {
    let Some(grant) = sql::load(tx, id)?.filter(|grant| grant.client == *client) else { return Ok(None) };
    let events = event::story_of_grant(tx, id, MOST)?;
    // A code that nobody redeemed made no link.
    if !tx.row("select activated_at from grants where id = ?1", &[id.as_str().into()])?.is_some_and(was_active) {
        return Ok(None);
    }
    let of = "select language, terms_version, terms_hash, decided_at from consents where id = ?1";
    let Some(row) = tx.row(of, &[grant.consent.as_str().into()])? else { return Ok(None) };
    let (language, terms) = (row.text(0)?.to_owned(), (row.text(1)?.to_owned(), row.hash(2)?));
    Ok(Some(GrantReceipt { agreed_at: row.instant(3)?, grant, language, terms, events }))
}

fn was_active(row: crate::store::Row) -> bool {
    row.opt_instant(0).is_ok_and(|at| at.is_some())
}

impl GrantReceipt {
    /// When the permission ends, or was to end: its record is kept from then on.
    #[must_use]
    pub fn ends_at(&self) -> Instant {
        self.grant.expires_at
    }

    /// The claims. No `sub` and no `exp`: nobody may take a receipt for an id_token, and it does not end.
    #[must_use]
    pub fn claims(&self, of: &ReceiptParties<'_>, now: Instant) -> Value {
        let grant = &self.grant;
        let days = |duration: Duration| format!("P{}D", duration.as_secs() / 86_400);
        let purposes = grant.scope.only(|token| !GRANT_MANAGEMENT.contains(&token));
        let mut recipient = json!({"party_id": grant.client, "name": of.provider});
        for (name, value) in [("registration_number", of.registration_number), ("contact", of.contact)] {
            if let Some(value) = value {
                recipient[name] = value.into();
            }
        }
        let next = |to: &Downstream| json!({"name": to.name, "purpose": to.purpose, "from": grant.client});
        let recipients: Vec<Value> = std::iter::once(recipient.clone()).chain(of.downstream.iter().map(next)).collect();
        let mut party = recipient;
        party["party_role"] = "recipient".into();
        json!({
            "iss": of.issuer,
            "aud": grant.client,
            "iat": now.secs(),
            "schema_version": SCHEMA,
            "record_id": grant.consent,
            "grant_id": grant.id,
            "pii_principal_id": grant.sub,
            "privacy_notice": {
                "uri": of.terms_url, "version": self.terms.0, "sha256": self.terms.1.base64url(),
            },
            "language": self.language,
            "purposes": purposes.iter().collect::<Vec<_>>(),
            "lawful_basis": "consent",
            "pii_information": grant.details.to_response().unwrap_or_else(|| json!([])),
            "collection_method": "api",
            "retention_period": days(of.retention.max(RETENTION_LEAST)),
            "recipient_third_parties": recipients,
            "withdrawal_method": {
                "app": format!("DELETE {}/{}", of.grants_endpoint, grant.id), "customer_page": of.own_page,
                "customer_telephone": of.phone,
            },
            "jurisdiction": "JP",
            "party_identification": [
                {"party_id": of.issuer, "party_role": "pii_controller", "name": of.institution},
                party,
            ],
            "events": self.story(of.issuer, now),
        })
    }

    /// What happened: who, in the words of `by` and no more.
    fn story(&self, issuer: &str, now: Instant) -> Vec<Value> {
        let grant = &self.grant;
        let mut told: Vec<(Instant, EventKind, String)> = self.events.iter().filter_map(event_line).collect();
        if let GrantState::Expired { at } = grant.state_at(now)
            && !told.iter().any(|(_, kind, _)| *kind == EventKind::GrantExpired)
        {
            told.push((at, EventKind::GrantExpired, "expired".to_owned()));
        }
        let line = |(at, kind, by): &(Instant, EventKind, String)| {
            let opens = matches!(kind, EventKind::GrantCreated | EventKind::GrantUpdated);
            let entity = match by.as_str() {
                "customer" => grant.sub.as_str(),
                "client" => grant.client.as_str(),
                _ => issuer,
            };
            let mut line = json!({
                "event_time": at.secs(), "event_type": kind.as_str(), "event_state": by, "entity_id": entity,
            });
            // The end that an earlier consent had is not known here.
            if opens && *at >= self.agreed_at {
                line["validity_duration"] = format!("PT{}S", grant.expires_at.since(*at).as_secs()).into();
            }
            line
        };
        told.iter().map(line).collect()
    }
}

/// An event of a receipt: what the app has heard of too.
fn event_line(event: &Event) -> Option<(Instant, EventKind, String)> {
    let by = match event.kind {
        EventKind::GrantCreated => "customer",
        EventKind::GrantUpdated | EventKind::GrantRevoked => event.detail["by"].as_str()?,
        EventKind::GrantReplaced => "replaced",
        EventKind::GrantExpired => "expired",
        _ => return None,
    };
    Some((event.at, event.kind, by.to_owned()))
}
