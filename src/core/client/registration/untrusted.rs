//! What a record sent by an app may contain: the members of the RFCs. Only the institution may set the other known
//! members; they are refused unless they repeat the current value, so that an app may send back the record it
//! received.

use crate::client::metadata::{self, Rules, is_institutional, is_open};
use crate::client::{Client, Profile, SecretKey, Status, StoredSecret};
use crate::clock::Instant;
use crate::id::ClientId;
use crate::refusal::{ErrorCode, Refusal};
use crate::secret::Secret;
use serde_json::{Map, Value};

/// Derived from `grant_types`.
const DERIVED: &str = "refresh_tokens";

fn institutional(name: &str) -> Refusal {
    Refusal::naming(ErrorCode::InvalidClientMetadata, &format!("{name}: only the institution sets it"))
}

/// Reads a record sent by an app. `standing` is the client it replaces. A new client is pending and gets `profile`,
/// or one of the FAPI profiles if the initial access token names none.
///
/// # Errors
/// `invalid_redirect_uri` or `invalid_client_metadata` (RFC 7591 §3.2.2), naming the member.
pub fn judge(
    sent: &Map<String, Value>,
    (id, profile): (ClientId, Option<Profile>),
    standing: Option<&Client>,
    rules: &Rules,
    now: Instant,
) -> Result<Client, Refusal> {
    let kept = standing.map(metadata::document);
    let kept = kept.as_ref().and_then(Value::as_object);
    // An unsupported value must be checked as well: it is refused, not ignored.
    let read = |name: &str| is_open(name) || metadata::UNSUPPORTED.contains(&name);
    let mut record: Map<String, Value> =
        sent.iter().filter(|(name, _)| read(name)).map(|(name, value)| (name.clone(), value.clone())).collect();
    for (name, value) in kept.into_iter().flatten().filter(|(name, _)| !is_open(name) && *name != DERIVED) {
        record.insert(name.clone(), value.clone());
    }
    if standing.is_none() {
        record.insert("profile".into(), new_profile(sent, profile).as_str().into());
        record.insert("status".into(), Status::Pending.as_str().into());
    }
    provider(&mut record, sent);
    let client = metadata::parse(&Value::Object(record), id, rules, now)?;
    let told = metadata::document(&client);
    for (name, value) in sent.iter().filter(|(_, value)| !value.is_null()) {
        if is_institutional(name) && name != "provider" && told.get(name) != Some(value) {
            return Err(institutional(name));
        }
    }
    let number = |p: Option<&Value>| p.and_then(|p| p.get("registration_number")).filter(|n| !n.is_null()).cloned();
    let claimed = number(sent.get("provider"));
    if claimed.is_some() && claimed != number(told.get("provider")) {
        return Err(institutional("provider.registration_number"));
    }
    Ok(client)
}

/// Reads the record with which a client replaces its own (RFC 7592 §2.2). `key` checks a secret in the record; `made`
/// is the client's secret if it needs one now.
///
/// # Errors
/// Those of [`judge`]; `access_denied` while the client is suspended.
pub fn judge_update(
    sent: &Map<String, Value>,
    standing: &Client,
    rules: &Rules,
    (key, made): (&SecretKey, &StoredSecret),
    now: Instant,
) -> Result<Client, Refusal> {
    if standing.status == Status::Suspended {
        return Err(Refusal::new(ErrorCode::AccessDenied, "the client is suspended"));
    }
    // RFC 7592 §2.2: the record names the client_id, and cannot set the secret.
    if sent.get("client_id").and_then(Value::as_str) != Some(standing.id.as_str()) {
        return Err(Refusal::new(ErrorCode::InvalidClientMetadata, "client_id: is missing or another one"));
    }
    match sent.get("client_secret") {
        None | Some(Value::Null) => {}
        Some(Value::String(text)) if key.matches(standing.secret.as_ref(), &Secret::new(text.as_str())) => {}
        Some(_) => {
            return Err(Refusal::new(
                ErrorCode::InvalidClientMetadata,
                "client_secret: is not the one this server made",
            ));
        }
    }
    let mut wanted = judge(sent, (standing.id.clone(), None), Some(standing), rules, now)?;
    wanted.created_at = standing.created_at;
    wanted.secret = standing.secret.clone().filter(StoredSecret::counts);
    if wanted.auth_method.is_secret() && wanted.secret.is_none() {
        wanted.secret = Some(made.clone());
    }
    Ok(wanted)
}

fn new_profile(sent: &Map<String, Value>, allowed: Option<Profile>) -> Profile {
    let wanted = sent.get("profile").and_then(Value::as_str).and_then(Profile::parse);
    allowed.or(wanted.filter(|p| p.is_fapi())).unwrap_or(Profile::Fapi2)
}

/// The provider may describe itself. Its registration number with the Financial Services Agency is what the
/// institution looked up.
fn provider(record: &mut Map<String, Value>, sent: &Map<String, Value>) {
    let number = record.remove("provider").and_then(|kept| kept.get("registration_number").cloned());
    let mut provider = match sent.get("provider") {
        Some(Value::Object(provider)) => provider.clone(),
        None | Some(Value::Null) => Map::new(),
        Some(other) => return drop(record.insert("provider".into(), other.clone())),
    };
    provider.remove("registration_number");
    provider.extend(number.map(|n| ("registration_number".to_owned(), n)));
    if !provider.is_empty() {
        record.insert("provider".into(), Value::Object(provider));
    }
}

/// Whether a new record needs approval. Only the differences listed here are harmless; any other needs it, for
/// example another address, more scope, other keys or another name.
#[must_use]
pub fn opens(approved: &Client, wanted: &Client) -> bool {
    let (mut old, mut new) = (metadata::document(approved), metadata::document(wanted));
    let subset = |new: &[String], old: &[String]| new.iter().all(|n| old.contains(n));
    let mut harmless = vec!["contacts", "software_version"];
    if subset(&wanted.redirect_uris, &approved.redirect_uris) {
        harmless.push("redirect_uris");
    }
    if wanted.scope.within(&approved.scope) {
        harmless.push("scope");
    }
    if wanted.grant_types.iter().all(|g| approved.grant_types.contains(g)) {
        harmless.extend(["grant_types", DERIVED]);
    }
    for flag in [
        "dpop_bound_access_tokens",
        "require_auth_time",
        "require_pushed_authorization_requests",
        "require_signed_request_object",
    ] {
        if new[flag] == true {
            harmless.push(flag);
        }
    }
    for record in [&mut old, &mut new] {
        if let Some(map) = record.as_object_mut() {
            map.retain(|name, _| !harmless.contains(&name.as_str()));
        }
    }
    old != new
}
