//! Client authentication (RFC 6749 §2.3, §3.2.1): exactly one method per request, and it must be the registered one.
//!
//! Every failure is `invalid_client`, and an unknown client looks like a wrong secret. The one exception is a request
//! with two methods, which is `invalid_request` (RFC 6749 §5.2).

use super::assertion::{self, UsedAssertion};
use super::authenticate::{Authenticated, Authenticator, RecordVersion};
use super::certificate::Certificate;
use super::evidence::{Evidence, PresentedCredentials, evidence};
use super::refused::{AuthFailure, RefusedClient, of_signature};
use super::{AuthMethod, Client, Status};
use crate::clock::Instant;
use crate::id::ClientId;
use crate::keys::jose;
use crate::refusal::Refusal;
use crate::secret::Secret;
use std::sync::Arc;

/// Authenticates the client of a request and uses up a credential that is valid once.
///
/// # Errors
/// Those of [`identify`] and [`Authenticator::spend`].
pub async fn authenticate(
    authenticator: &Authenticator,
    presented: &PresentedCredentials<'_>,
    now: Instant,
) -> Result<Authenticated, Refusal> {
    let who = identify(authenticator, presented, now).await.map_err(|refused| refused.refusal)?;
    authenticator.spend(&who).await.map_err(|refused| refused.refusal)?;
    Ok(who)
}

/// Authenticates the client and writes nothing: an assertion may be used again.
///
/// # Errors
/// `invalid_client` (401, RFC 6749 §5.2), `invalid_request` for two methods at once; `temporarily_unavailable` if the
/// store fails.
pub async fn identify(
    authenticator: &Authenticator,
    presented: &PresentedCredentials<'_>,
    now: Instant,
) -> Result<Authenticated, RefusedClient> {
    let aliases = authenticator.settings.mtls_aliases;
    let evidence = evidence(presented, aliases).map_err(|refused| refused.naming(presented.params))?;
    let (client, method, assertion) = match evidence {
        Evidence::Secret(method, id, secret) => {
            (by_secret(authenticator, method, (&id, &secret), presented.version, now).await?, method, None)
        }
        Evidence::Assertion(token) => {
            // In a box of its own: otherwise the future of every request would be as large as that of this one.
            let (client, assertion) = Box::pin(by_assertion(authenticator, &token, presented, now)).await?;
            (client, AuthMethod::PrivateKeyJwt, Some(assertion))
        }
        Evidence::Certificate(id, certificate) => {
            let client = Box::pin(by_certificate(authenticator, (&id, certificate), presented.version, now)).await?;
            (client.clone(), client.auth_method, None)
        }
    };
    let refused = |refused: RefusedClient| Err(refused.of(&client, method));
    // RFC 7521 §4.2: a client_id in the body must be the one that authenticated.
    if presented.params.get("client_id").is_some_and(|id| id != client.id.as_str()) {
        return refused(RefusedClient::failed(AuthFailure::AnotherClient));
    }
    match client.status {
        Status::Active => Ok(Authenticated { method: client.auth_method, client, assertion }),
        Status::Suspended => refused(RefusedClient::saying(AuthFailure::Suspended, "the client is suspended")),
        Status::Pending => refused(RefusedClient::saying(AuthFailure::Pending, "the client is not approved yet")),
        Status::Ended => refused(RefusedClient::failed(AuthFailure::Ended)),
    }
}

async fn by_secret(
    authenticator: &Authenticator,
    method: AuthMethod,
    (id, secret): (&ClientId, &Secret),
    version: Option<&RecordVersion>,
    now: Instant,
) -> Result<Arc<Client>, RefusedClient> {
    let found = authenticator.client_with(id, version).await;
    let found = found.map_err(|e| RefusedClient::unavailable(e).claiming(id, method))?;
    let fits = found.as_ref().filter(|c| c.auth_method == method);
    let stored = fits.and_then(|c| c.secret.as_ref());
    // Computed for an unknown client too, so that the response takes as long as for a wrong secret.
    let former = fits.and_then(|c| c.former_secret.as_ref());
    let right = authenticator.secrets.matches_one_of(stored, former, secret, now);
    let old = stored.is_some_and(|stored| !stored.counts());
    if old {
        tracing::warn!(client = %id, "an earlier release kept this client's secret as argon2id: it needs a new one");
    }
    let reason = match (&found, fits) {
        (None, _) => AuthFailure::UnknownClient,
        (Some(_), None) => AuthFailure::AnotherMethod,
        _ if old => AuthFailure::OldSecret,
        _ => AuthFailure::WrongSecret,
    };
    match found {
        Some(client) if right && client.auth_method == method => Ok(client),
        Some(client) => Err(RefusedClient::failed(reason).of(&client, method)),
        None => Err(RefusedClient::failed(reason).claiming(id, method)),
    }
}

async fn by_certificate(
    authenticator: &Authenticator,
    (id, certificate): (&ClientId, &Certificate),
    version: Option<&RecordVersion>,
    now: Instant,
) -> Result<Arc<Client>, RefusedClient> {
    let shown = AuthMethod::TlsClientAuth;
    let client = authenticator.client_with(id, version).await;
    let client = client.map_err(|e| RefusedClient::unavailable(e).claiming(id, shown))?;
    let client = client.ok_or_else(|| RefusedClient::failed(AuthFailure::UnknownClient).claiming(id, shown))?;
    let is_its = match client.auth_method {
        AuthMethod::TlsClientAuth => client.tls_subject.as_ref().is_some_and(|subject| certificate.is_of(subject)),
        AuthMethod::SelfSignedTlsClientAuth => authenticator.registered(certificate, &client, now).await,
        _ => return Err(RefusedClient::failed(AuthFailure::AnotherMethod).of(&client, shown)),
    };
    if is_its {
        Ok(client)
    } else {
        Err(RefusedClient::failed(AuthFailure::WrongCertificate).of(&client, client.auth_method))
    }
}

async fn by_assertion(
    authenticator: &Authenticator,
    token: &str,
    presented: &PresentedCredentials<'_>,
    now: Instant,
) -> Result<(Arc<Client>, UsedAssertion), RefusedClient> {
    let (params, version) = (presented.params, presented.version);
    let method = AuthMethod::PrivateKeyJwt;
    let nameless =
        |reason, why| RefusedClient { method: Some(method), ..RefusedClient::saying(reason, why).naming(params) };
    let parsed = jose::parse(token).map_err(|e| nameless(of_signature(&e), assertion::explain(e, false)))?;
    let id = assertion::issuer_of(&parsed)
        .ok_or_else(|| nameless(AuthFailure::Unreadable, "the client assertion has no sub"))?;
    let found = authenticator.client_with(&id, version).await;
    let names_key = parsed.header().kid.is_some();
    let unverified = assertion::explain(jose::Error::UnknownKey, names_key);
    let client = match found.map_err(|e| RefusedClient::unavailable(e).claiming(&id, method))? {
        Some(client) if client.auth_method == method => client,
        Some(client) => return Err(RefusedClient::saying(AuthFailure::AnotherMethod, unverified).of(&client, method)),
        None => return Err(RefusedClient::saying(AuthFailure::UnknownClient, unverified).claiming(&id, method)),
    };
    let refused = |reason, why| RefusedClient::saying(reason, why).of(&client, method);
    let allowed = assertion::allowed(&client);
    let verified = authenticator.verify(token, &client, &allowed, now).await;
    let verified = verified.map_err(|e| refused(of_signature(&e), assertion::explain(e, names_key)))?;
    let judged = assertion::judge(&verified, &client, &authenticator.settings.audiences, now);
    let used = judged.map_err(|why| refused(AuthFailure::AssertionClaim, why))?;
    Ok((client, used))
}
