//! `renkei client import`: a record that a member of staff has written. It is read whole, and everything that is wrong is said at once;
//! a record that is there is replaced only where that was asked for.

use super::clients::{secret_key, show};
use super::{AdminContext, AdminError};
use crate::audit::Actor;
use crate::client::difference::{MemberChange, between};
use crate::client::metadata::{client_id, import_mistakes, unknown_members};
use crate::client::{Client, Prepared, Profile, Status, StoredSecret, prepare_all, sql};
use crate::clock::Instant;
use crate::refusal::Refusal;
use crate::store::Tx;
use serde_json::{Value, json};
use std::fmt::Write;

pub(super) async fn import(
    service: &AdminContext,
    record: Value,
    replace: bool,
    actor: Actor,
    now: Instant,
) -> Result<Value, AdminError> {
    // One that is not well formed is among the mistakes.
    let known = match client_id(&record).ok().flatten() {
        Some(id) => service.store.read(move |tx| sql::load(tx, &id)).await?,
        None => None,
    };
    if known.as_ref().is_some_and(|c| c.status == Status::Ended) {
        return Err(AdminError::NotNow("this client has ended: register a new one with another client_id".into()));
    }
    let assumed = record.get("profile").is_none_or(Value::is_null).then_some(Profile::Fapi2);
    let keep_secret = known.as_ref().is_some_and(|c| c.secret.as_ref().is_some_and(StoredSecret::counts));
    let key = secret_key(service, now).await?;
    let further = |client: &Client| import_mistakes(&record, client, service.in_production);
    let prepared = prepare_all((&record, further), &service.rules, keep_secret, &key, &*service.crypto.random, now);
    let prepared = prepared.map_err(|mistakes| AdminError::Invalid(said(&mistakes, assumed)))?;
    let changes = known.as_ref().map(|known| differences(known, &prepared)).unwrap_or_default();
    let mut answer = json!({
        "replaced": known.is_some(),
        "changes": changes,
        "profile_assumed": assumed.map(Profile::as_str),
        "ignored": unknown_members(&record),
    });
    match &known {
        Some(known) if !replace && changes.is_empty() => {
            answer["replaced"] = false.into();
            answer["unchanged"] = true.into();
            answer["client"] = show(service, &known.id).await?;
            return Ok(answer);
        }
        Some(known) if !replace => return Err(AdminError::NotNow(in_force(known, &changes, assumed))),
        _ => {}
    }
    let (client, seen) = (prepared.client.clone(), known.map(|known| known.version));
    let work = move |tx: &mut Tx<'_, '_>| {
        // What was shown is what is replaced.
        if sql::version(tx, &client.id)? != seen {
            return Ok(false);
        }
        sql::register(tx, &client, &actor, now).map(|()| true)
    };
    if !service.store.write(work).await? {
        return Err(AdminError::NotNow("the record has changed meanwhile: look at the difference again".into()));
    }
    answer["client"] = show(service, &prepared.client.id).await?;
    if let Some(secret) = &prepared.secret {
        answer["client_secret"] = secret.reveal().into();
    }
    Ok(answer)
}

/// All mistakes as text, one a line, and how the record was read.
fn said(mistakes: &[Refusal], assumed: Option<Profile>) -> String {
    let mut text = match mistakes {
        [one] => one.to_string(),
        several => {
            let mut text = format!("{} mistakes:", several.len());
            for mistake in several {
                let _ = write!(text, "\n  {mistake}");
            }
            text
        }
    };
    if let Some(profile) = assumed {
        let _ = write!(text, "\nThe record names no profile: it was read as {}.", profile.as_str());
    }
    text
}

/// What the import would change, one line for each value. A secret is never shown.
fn differences(known: &Client, prepared: &Prepared) -> Vec<String> {
    let new = &prepared.client;
    let mut lines: Vec<String> = between(known, new).iter().flat_map(lines).collect();
    let secret = match (&prepared.secret, &new.secret, &known.secret) {
        (Some(_), ..) => Some("a new one is made"),
        (None, Some(given), kept) if kept.as_ref() != Some(given) => {
            Some("the one of the record takes the place of the old one")
        }
        (None, None, Some(_)) if !new.auth_method.is_secret() => Some("the old one is deleted"),
        _ => None,
    };
    lines.extend(secret.map(|what| format!("client_secret: {what}")));
    lines
}

fn lines(change: &MemberChange) -> Vec<String> {
    let name = &change.name;
    if let Some((lost, got)) = change.listed().filter(|(lost, got)| lost.len() + got.len() > 0) {
        let lost = lost.into_iter().map(|value| format!("{name}: - {value}"));
        return lost.chain(got.into_iter().map(|value| format!("{name}: + {value}"))).collect();
    }
    let text = |value: &Option<Value>| match value {
        None => "nothing".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    vec![format!("{name}: {} -> {}", text(&change.old), text(&change.new))]
}

fn in_force(known: &Client, changes: &[String], assumed: Option<Profile>) -> String {
    let mut text =
        format!("{} is registered already, and nothing was changed. With --replace this would change:", known.id);
    for line in changes {
        let _ = write!(text, "\n  {line}");
    }
    if let Some(profile) = assumed {
        let _ = write!(text, "\nThe record names no profile: it was read as {}.", profile.as_str());
    }
    text
}
