//! Prepares a new record: checks it and makes or takes its secret, ready for [`super::sql::register`].

use super::metadata::{self, Rules};
use super::{Client, SecretKey, StoredSecret};
use crate::clock::Instant;
use crate::id::ClientId;
use crate::random::Random;
use crate::refusal::{ErrorCode, Refusal};
use crate::secret::{self, Secret};
use serde_json::Value;
use std::collections::BTreeSet;

/// A checked record that is not stored yet.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The client, with the stored form of its secret.
    pub client: Client,
    /// A secret we made; shown only once.
    pub secret: Option<Secret>,
}

/// Checks a record (RFC 7591 metadata, requirements.md#client-record). A client that needs a secret and has none in
/// its record gets one of 256 bits, unless `keep_secret` says that it already has one.
///
/// # Errors
/// `invalid_redirect_uri` or `invalid_client_metadata`, naming the first wrong member.
pub fn prepare(
    document: &Value,
    rules: &Rules,
    keep_secret: bool,
    key: &SecretKey,
    random: &dyn Random,
    now: Instant,
) -> Result<Prepared, Refusal> {
    let prepared = prepare_all((document, |_| Vec::new()), rules, keep_secret, key, random, now);
    prepared.map_err(|mistakes| mistakes.into_iter().next().unwrap_or_else(|| bad("the record cannot be read")))
}

/// As [`prepare`], for somebody who wants to correct everything at once. `further` says what else is wrong with the client, which is
/// read as far as it can be.
///
/// # Errors
/// Everything that is wrong.
pub fn prepare_all(
    (document, further): (&Value, impl Fn(&Client) -> Vec<Refusal>),
    rules: &Rules,
    keep_secret: bool,
    key: &SecretKey,
    random: &dyn Random,
    now: Instant,
) -> Result<Prepared, Vec<Refusal>> {
    let (id, mut wrong) = match metadata::client_id(document) {
        Ok(id) => (id, Vec::new()),
        Err(mistake) => (None, vec![mistake]),
    };
    let id = id.unwrap_or_else(|| ClientId::random(random));
    let (mut client, more) = metadata::read(document, id, rules, now).map_err(|mistake| vec![mistake])?;
    wrong.extend(more);
    wrong.extend(further(&client));
    let uses_secret = client.auth_method.is_secret();
    let given = match document.get("client_secret").filter(|v| !v.is_null()) {
        Some(_) if !uses_secret => Err(bad("client_secret: has no use with this token_endpoint_auth_method")),
        Some(Value::String(text)) => weakness(text, rules).map_or_else(|| Ok(Some(text)), |why| Err(bad(why))),
        Some(_) => Err(bad("client_secret: is not text")),
        None => Ok(None),
    };
    let given = given.map_err(|mistake| wrong.push(mistake)).ok().flatten();
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let mut shown = None;
    match given {
        Some(text) => client.secret = Some(key.to_stored(&Secret::new(text.as_str()))),
        None if uses_secret && !keep_secret => {
            let (secret, stored) = renew_secret(key, random);
            client.secret = Some(stored);
            shown = Some(secret);
        }
        None => {}
    }
    Ok(Prepared { client, secret: shown })
}

const fn bad(why: &'static str) -> Refusal {
    Refusal::new(ErrorCode::InvalidClientMetadata, why)
}

/// The public secrets of `config/demo`.
const DEMO: [&str; 2] = ["kakeibo-secret", "accounts-api-secret"];

/// Why a given secret is refused (decision 7). Guesses are not counted, so a secret must be unguessable; demo and
/// test mode accept any.
fn weakness(secret: &str, rules: &Rules) -> Option<&'static str> {
    if secret.len() > 512 {
        return Some("client_secret: is too long; wanted are at most 512 bytes");
    }
    if rules.weak_secrets {
        return (secret.len() < 8).then_some("client_secret: is too short; wanted are at least 8 bytes");
    }
    if DEMO.contains(&secret) {
        return Some("client_secret: is a secret of the demo, which everybody knows; wanted is one that nobody knows");
    }
    if secret.chars().count() < 22 {
        return Some("client_secret: is too short; wanted are at least 22 characters, at least 10 of them different");
    }
    let different = secret.chars().collect::<BTreeSet<char>>().len();
    (different < 10).then_some("client_secret: repeats too few characters; wanted are at least 10 different ones")
}

/// A new secret of 256 bits, and its stored form.
#[must_use]
pub fn renew_secret(key: &SecretKey, random: &dyn Random) -> (Secret, StoredSecret) {
    let secret = secret::opaque(random);
    let stored = key.to_stored(&secret);
    (secret, stored)
}

#[cfg(test)]
mod tests {
    use super::DEMO;

    #[test]
    fn every_secret_of_the_demo_is_known() {
        let records = [
            include_str!("../../../config/demo/creco.json"),
            include_str!("../../../config/demo/kakeibo.json"),
            include_str!("../../../config/demo/accounts-api.json"),
        ];
        let records = records.map(|text| serde_json::from_str::<serde_json::Value>(text).unwrap());
        let secrets: Vec<_> = records.iter().filter_map(|record| record["client_secret"].as_str()).collect();
        assert_eq!(secrets, DEMO);
    }
}
