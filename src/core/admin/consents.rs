//! `renkei consent show`: one consent record, opened for a stated reason.

use super::command::{BASE, Http, StaffReason, invalid};
use super::{AdminContext, AdminError};
use crate::audit::Actor;
use crate::client;
use crate::clock::Instant;
use crate::consent::show::UnsealedConsent;
use crate::consent::{ConsentKey, SealedConsent, show};
use crate::store::Tx;
use serde_json::{Value, json};

/// The most records that one 受付番号 may name in an answer.
const MOST: i64 = 20;

/// A look at a consent record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentAsk {
    /// Which record.
    pub of: ConsentKey,
    /// Why somebody looks.
    pub why: StaffReason,
}

impl ConsentAsk {
    /// The command as an HTTP request. Record and reason stand in the body: an address may be logged.
    pub(super) fn http(&self) -> Http {
        let body = json!({"consent": self.of.as_str(), "reason": self.why.as_str()});
        ("POST", format!("{BASE}/consents/show"), Some(body))
    }
    /// Parses what [`ConsentAsk::http`] wrote.
    pub(super) fn parse(body: &[u8]) -> Result<Self, AdminError> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Body {
            consent: String,
            reason: String,
        }
        let body: Body =
            serde_json::from_slice(body).map_err(|_| invalid("the body {\"consent\": …, \"reason\": …}"))?;
        Ok(Self {
            of: ConsentKey::parse(&body.consent).ok_or_else(|| invalid("the id or 受付番号"))?,
            why: StaffReason::parse(&body.reason)
                .ok_or_else(|| invalid("the reason (3 to 200 characters on one line)"))?,
        })
    }
}

/// Opens the record and writes who looked, when and why. Where several have one 受付番号, none is opened.
pub(super) async fn show(
    service: &AdminContext,
    ask: ConsentAsk,
    actor: Actor,
    now: Instant,
) -> Result<Value, AdminError> {
    let ConsentAsk { of, why } = ask;
    let key = of.clone();
    let found = service.store.write(move |tx| {
        let found = show::find(tx, &key, MOST)?;
        if !found.is_empty() {
            let one = Some(&found[0]).filter(|_| found.len() == 1);
            show::looked(tx, (&actor, why.as_str()), &key, one, now)?;
        }
        let names = found.iter().map(|record| app(tx, record)).collect::<crate::store::Result<Vec<_>>>()?;
        Ok(found.into_iter().zip(names).collect::<Vec<_>>())
    });
    let found = found.await?;
    match found.as_slice() {
        [] => Err(AdminError::Unknown(format!("there is no consent record {}", of.as_str()))),
        [(record, app)] => unsealed(service, record, app),
        several => Ok(json!({
            "opened": false,
            "reference": of.as_str(),
            "records": several.iter().map(|(record, app)| line(record, app)).collect::<Vec<_>>(),
        })),
    }
}

/// The app's name, as its record has it now.
fn app(tx: &mut Tx<'_, '_>, record: &SealedConsent) -> crate::store::Result<Option<String>> {
    Ok(client::sql::load(tx, &record.client)?.map(|client| client.name))
}

fn line(record: &SealedConsent, app: &Option<String>) -> Value {
    json!({
        "day": record.at.jst_date().to_string(),
        "client_id": record.client,
        "app": app,
        "consent_id": record.id,
    })
}

/// The sentences that stood beside a box, by their place, and whether the customer had ticked it.
fn boxes(plain: &UnsealedConsent) -> Vec<Value> {
    plain.ticks.iter().map(|(place, ticked)| json!({"sentence": place, "ticked": ticked})).collect()
}

fn unsealed(service: &AdminContext, record: &SealedConsent, app: &Option<String>) -> Result<Value, AdminError> {
    let sealed = |_| AdminError::NotNow(format!("consent record {} cannot be opened with this master key", record.id));
    let plain = record.open(&service.crypto.sealer).map_err(sealed)?;
    let (address, browser) = plain.remote.reveal().split_once(' ').unwrap_or((plain.remote.reveal(), ""));
    Ok(json!({
        "opened": true,
        "consent_id": record.id,
        "decision": if record.granted { "granted" } else { "denied" },
        "reference": record.reference,
        "client_id": record.client,
        "app": app,
        "account": plain.account.reveal(),
        "name": plain.name.reveal(),
        "address": address,
        "browser": browser,
        "decided_at": record.at.rfc3339(),
        "ends_at": record.until.rfc3339(),
        "scope": record.scope,
        "authorization_details": record.details.to_response(),
        "checks": {
            "acr": record.acr,
            "amr": record.amr.split_whitespace().collect::<Vec<_>>(),
            "passed_at": record.auth_time.rfc3339(),
        },
        "terms_version": record.terms_version,
        "terms_hash": record.terms_hash.base64url(),
        "language": record.language,
        "words_hash": record.words_hash.base64url(),
        "boxes": boxes(&plain),
        "words": plain.words,
        "grants": record.grants,
    }))
}
