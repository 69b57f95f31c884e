//! A new record: checked, its secret made or taken, ready for [`super::sql::register`].

use super::metadata::{self, Rules};
use super::{Client, StoredSecret};
use crate::clock::Instant;
use crate::id::ClientId;
use crate::random::Random;
use crate::refusal::{Code, Refusal};
use crate::secret::{self, Secret};
use serde_json::Value;

/// A checked record that is not in the registry yet.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The client, with what is kept of its secret.
    pub client: Client,
    /// A secret we made, to be shown this once.
    pub secret: Option<Secret>,
}

/// Checks a record (RFC 7591 metadata, contract §5). A `client_secret` in it is taken as one of human choice; a client
/// that needs a secret and brings none gets one of 256 bits, unless `keep_secret` says that it has one already.
///
/// Takes some ten milliseconds when a secret is brought along: not for a thread that serves requests.
///
/// # Errors
/// `invalid_redirect_uri` or `invalid_client_metadata`, naming the member.
pub fn prepare(
    document: &Value,
    rules: &Rules,
    keep_secret: bool,
    random: &dyn Random,
    now: Instant,
) -> Result<Prepared, Refusal> {
    let id = metadata::client_id(document)?.unwrap_or_else(|| ClientId::random(random));
    let mut client = metadata::parse(document, id, rules, now)?;
    let bad = |why| Refusal::new(Code::InvalidClientMetadata, why);
    let uses_secret = client.auth_method.is_secret();
    let mut shown = None;
    match document.get("client_secret").filter(|v| !v.is_null()) {
        Some(_) if !uses_secret => return Err(bad("client_secret: has no use with this token_endpoint_auth_method")),
        Some(Value::String(text)) if (8..=512).contains(&text.len()) => {
            let stored = StoredSecret::imported(&Secret::new(text.as_str()), random);
            client.secret = Some(stored.map_err(|_| bad("client_secret: cannot be hashed"))?);
        }
        Some(_) => return Err(bad("client_secret: is not text of 8 to 512 bytes")),
        None if uses_secret && !keep_secret => {
            let (secret, stored) = renew_secret(random);
            client.secret = Some(stored);
            shown = Some(secret);
        }
        None => {}
    }
    Ok(Prepared { client, secret: shown })
}

/// A new secret of 256 bits, and what is kept of it.
#[must_use]
pub fn renew_secret(random: &dyn Random) -> (Secret, StoredSecret) {
    let secret = secret::opaque(random);
    let stored = StoredSecret::Generated(secret.hash());
    (secret, stored)
}
