//! The credentials of a request, read and not yet checked (RFC 6749 §2.3, RFC 7521 §4.2, RFC 8705 §2).

use super::certificate::Certificate;
use super::refused::{AuthFailure, RefusedClient};
use super::{AuthMethod, RecordVersion, assertion};
use crate::id::ClientId;
use crate::params::{self, Params};
use crate::refusal::Refusal;
use crate::secret::Secret;
use base64::Engine as _;

/// The credentials of a request. It contains secrets, so it is not printed.
#[derive(Clone, Copy)]
pub struct PresentedCredentials<'a> {
    /// Every `Authorization` header.
    pub authorization: &'a [&'a str],
    /// The parameters of the body.
    pub params: &'a Params,
    /// The client certificate; the connection has proved its key.
    pub certificate: Option<&'a Certificate>,
    /// What the store has said of the named client's record, if it was asked already.
    pub version: Option<&'a RecordVersion>,
}

/// The client that is named beside a secret, before anything is checked.
#[must_use]
pub fn named(presented: &PresentedCredentials<'_>) -> Option<ClientId> {
    match evidence(presented, false) {
        Ok(Evidence::Secret(_, id, _)) => Some(id),
        _ => None,
    }
}

/// The credentials, by method.
pub(super) enum Evidence<'a> {
    Secret(AuthMethod, ClientId, Secret),
    Assertion(String),
    Certificate(ClientId, &'a Certificate),
}

const NONE: &str = "no client authentication";
const NONE_HERE: &str =
    "no client authentication; a client with a certificate shows it at the endpoints of mtls_endpoint_aliases";

/// Reads the credentials without checking them. `aliases`: the metadata has endpoints of their own for clients with a
/// certificate. Whoever shows nothing is told of them, whatever client it names.
pub(super) fn evidence<'a>(presented: &PresentedCredentials<'a>, aliases: bool) -> Result<Evidence<'a>, RefusedClient> {
    let params = presented.params;
    let several = |why| RefusedClient::new(AuthFailure::SeveralMethods, Refusal::invalid_request(why));
    let unreadable = |method| RefusedClient { method: Some(method), ..RefusedClient::failed(AuthFailure::Unreadable) };
    let header = match presented.authorization {
        [] => None,
        [one] => Some(*one),
        _ => return Err(several("more than one Authorization header")),
    };
    let secret = params.get("client_secret");
    let asserted = params.get("client_assertion").or_else(|| params.get("client_assertion_type")).is_some();
    if u8::from(header.is_some()) + u8::from(secret.is_some()) + u8::from(asserted) > 1 {
        return Err(several("more than one way of client authentication"));
    }
    if let Some(header) = header {
        let method = AuthMethod::ClientSecretBasic;
        let (id, secret) = basic(header).ok_or_else(|| unreadable(method))?;
        return Ok(Evidence::Secret(method, id, secret));
    }
    if let Some(secret) = secret {
        let method = AuthMethod::ClientSecretPost;
        let id = params.get("client_id").and_then(ClientId::parse).ok_or_else(|| unreadable(method))?;
        return Ok(Evidence::Secret(method, id, Secret::new(secret)));
    }
    match (params.get("client_assertion_type"), params.get("client_assertion")) {
        (Some(assertion::TYPE), Some(token)) => Ok(Evidence::Assertion(token.to_owned())),
        // A certificate beside another method may be there to bind tokens (RFC 8705 §3). Alone, it needs a client_id
        // (§2).
        (None, None) => match (params.get("client_id").and_then(ClientId::parse), presented.certificate) {
            (Some(id), Some(certificate)) => Ok(Evidence::Certificate(id, certificate)),
            _ => Err(RefusedClient::saying(AuthFailure::NoCredentials, if aliases { NONE_HERE } else { NONE })),
        },
        _ => {
            let why = "client_assertion and its type do not belong together";
            let refused = RefusedClient::saying(AuthFailure::Unreadable, why);
            Err(RefusedClient { method: Some(AuthMethod::PrivateKeyJwt), ..refused })
        }
    }
}

/// `Basic`: both halves are form-encoded before they are joined (RFC 6749 §2.3.1, RFC 7617).
fn basic(header: &str) -> Option<(ClientId, Secret)> {
    let (scheme, credentials) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") || credentials.len() > 4096 {
        return None;
    }
    let bytes = base64::engine::general_purpose::STANDARD.decode(credentials.trim_matches(' ')).ok()?;
    let text = zeroize::Zeroizing::new(String::from_utf8(bytes).ok()?);
    let (id, secret) = text.split_once(':')?;
    let id = ClientId::parse(&params::decode(id).ok()?)?;
    Some((id, Secret::new(params::decode(secret).ok()?)))
}
