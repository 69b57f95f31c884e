//! Client authentication (RFC 6749 §2.3, §3.2.1): exactly one method per request, and it must be the registered one.
//!
//! Every failure is `invalid_client`, and an unknown client looks like a wrong secret. The one exception is a request
//! with two methods, which is `invalid_request` (RFC 6749 §5.2).

use super::assertion::{self, UsedAssertion};
use super::certificate::Certificate;
use super::dpop::{self, Nonces};
use super::remote::{JwksPort, Remote};
use super::{AuthMethod, Client, ClientKeys, SecretKey, Status, replay, sql};
use crate::clock::Instant;
use crate::id::ClientId;
use crate::keys::Jwk;
use crate::keys::jose::{self, Alg, Verified};
use crate::keys::ring;
use crate::keys::seal::Sealer;
use crate::params::{self, Params};
use crate::random::Random;
use crate::refusal::{ErrorCode, Refusal};
use crate::secret::Secret;
use crate::store::{self, Store, Urgency};
use crate::thumbprint::Thumbprint;
use base64::Engine as _;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The server's own values.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The issuer first, then the endpoints an OpenID Connect client may use as `aud` of its assertion.
    pub audiences: Vec<String>,
    /// Whether a DPoP proof must have a nonce of ours (RFC 9449 §8).
    pub dpop_nonce_required: bool,
}

/// What client authentication needs: the registry, the caches, the keys. One per server.
pub struct Authenticator {
    pub(super) store: Store,
    pub(super) settings: Settings,
    pub(super) nonces: Nonces,
    remote: Remote,
    secrets: SecretKey,
    clients: Mutex<HashMap<ClientId, Arc<Client>>>,
}

/// The credentials of a request. It contains secrets, so it is not printed.
#[derive(Clone, Copy)]
pub struct PresentedCredentials<'a> {
    /// Every `Authorization` header.
    pub authorization: &'a [&'a str],
    /// The parameters of the body.
    pub params: &'a Params,
    /// The client certificate; the connection has proved its key.
    pub certificate: Option<&'a Certificate>,
}

/// An authenticated client.
#[derive(Debug, Clone)]
pub struct Authenticated {
    /// The client.
    pub client: Arc<Client>,
    /// The method it used.
    pub method: AuthMethod,
    /// Its assertion, which is valid once.
    assertion: Option<UsedAssertion>,
}

/// The credentials, by method.
enum Evidence<'a> {
    Secret(AuthMethod, ClientId, Secret),
    Assertion(String),
    Certificate(ClientId, &'a Certificate),
}

const FAILED: Refusal = Refusal::new(ErrorCode::InvalidClient, "client authentication failed");

impl Authenticator {
    /// Reads or creates the keys of the DPoP nonces and of the client secrets.
    ///
    /// # Errors
    /// The store's, or that of a sealed key that cannot be opened.
    pub async fn open(
        store: Store,
        sealer: &Sealer,
        random: &dyn Random,
        port: Arc<dyn JwksPort>,
        settings: Settings,
        now: Instant,
    ) -> Result<Self, ring::Error> {
        let key = ring::shared_secret(&store, sealer, random, "dpop_nonce", now).await?;
        let secrets = SecretKey::open(&store, sealer, random, now).await?;
        Ok(Self {
            store,
            settings,
            nonces: Nonces::new(key),
            remote: Remote::new(port),
            secrets,
            clients: Mutex::default(),
        })
    }

    /// A client of the registry, suspended or not. The parsed record is kept; whether it is still the current one is
    /// asked of the store each time, so that a suspension holds from its commit on, on every node.
    pub async fn client(&self, id: &ClientId) -> store::Result<Option<Arc<Client>>> {
        let known = self.clients.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned();
        let wanted = id.clone();
        let found = self
            .store
            .read(move |tx| {
                let version = sql::version(tx, &wanted)?;
                match &known {
                    Some(client) if version == Some(client.version) => Ok(Some(Arc::clone(client))),
                    _ if version.is_none() => Ok(None),
                    _ => Ok(sql::load(tx, &wanted)?.map(Arc::new)),
                }
            })
            .await?;
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        match &found {
            Some(client) => clients.insert(id.clone(), Arc::clone(client)),
            None => clients.remove(id),
        };
        Ok(found)
    }

    /// The key for the stored forms of new secrets.
    #[must_use]
    pub const fn secret_key(&self) -> &SecretKey {
        &self.secrets
    }

    /// Checks the DPoP proof of a request; `None` if it has none. Nothing is stored yet.
    ///
    /// # Errors
    /// `invalid_dpop_proof`, `use_dpop_nonce`.
    pub fn dpop(&self, input: &dpop::Input<'_>, now: Instant) -> Result<Option<dpop::Proof>, Refusal> {
        dpop::check(input, &self.nonces, self.settings.dpop_nonce_required, now)
    }

    /// Stores that a proof was used, because it is valid once; returns the thumbprint of its key.
    ///
    /// # Errors
    /// `invalid_dpop_proof`; `temporarily_unavailable` if the store fails.
    pub async fn spend_proof(&self, proof: &dpop::Proof) -> Result<Thumbprint, Refusal> {
        if self.once(UsedAssertion { key: proof.replay, until: proof.until }, Urgency::Ordinary).await? {
            Ok(proof.jkt)
        } else {
            Err(Refusal::new(ErrorCode::InvalidDpopProof, "the DPoP proof was used before"))
        }
    }

    /// Stores that the client's credential was used, if it is valid once. `urgency` is that of the request.
    ///
    /// # Errors
    /// `invalid_client`; `temporarily_unavailable` if the store fails.
    pub async fn spend(&self, who: &Authenticated, urgency: Urgency) -> Result<(), Refusal> {
        match who.assertion {
            Some(seen) if !self.once(seen, urgency).await? => {
                Err(Refusal::new(ErrorCode::InvalidClient, "the client assertion was used before"))
            }
            _ => Ok(()),
        }
    }

    /// The nonce to send in `DPoP-Nonce` (RFC 9449 §8.2).
    #[must_use]
    pub fn dpop_nonce(&self, now: Instant) -> String {
        self.nonces.issue(now)
    }

    async fn once(&self, seen: UsedAssertion, urgency: Urgency) -> Result<bool, Refusal> {
        let store = if urgency == Urgency::Ending { self.store.ending() } else { self.store.clone() };
        store.write(move |tx| replay::claim(tx, &seen.key, seen.until)).await.map_err(unavailable)
    }

    /// Whether the client registered this certificate (RFC 8705 §2.2), with the same keys and the same second fetch.
    async fn registered(&self, certificate: &Certificate, client: &Client, now: Instant) -> bool {
        match keys_of(client) {
            ClientKeys::None => false,
            ClientKeys::Inline(keys) => certificate.is_among(keys, now),
            ClientKeys::Remote(url) => {
                certificate.is_among(&self.fetched(url, client, false, now).await, now)
                    || certificate.is_among(&self.fetched(url, client, true, now).await, now)
            }
        }
    }

    /// The keys behind a client's `jwks_uri`.
    async fn fetched(&self, url: &str, client: &Client, refetch: bool, now: Instant) -> Vec<Jwk> {
        self.remote.keys(url, &client.allow_networks, refetch, now).await
    }

    /// Verifies the signature of an assertion or request object with one of the `allowed` algorithms and the client's
    /// keys. If no key of a `jwks_uri` fits, the set is fetched once more.
    pub async fn verify(
        &self,
        token: &str,
        client: &Client,
        allowed: &[Alg],
        now: Instant,
    ) -> Result<Verified, jose::Error> {
        match keys_of(client) {
            ClientKeys::None => Err(jose::Error::UnknownKey),
            ClientKeys::Inline(keys) => jose::verify(token, keys, allowed),
            ClientKeys::Remote(url) => {
                let parsed = jose::parse(token)?;
                if !allowed.contains(&parsed.header().alg) {
                    return Err(jose::Error::Algorithm);
                }
                let keys = self.fetched(url, client, false, now).await;
                match parsed.verify(&keys, allowed) {
                    Err(jose::Error::UnknownKey | jose::Error::Signature) => {
                        jose::verify(token, &self.fetched(url, client, true, now).await, allowed)
                    }
                    verdict => verdict,
                }
            }
        }
    }
}

/// The client's keys. A client that is pending or has ended cannot make us fetch anything.
fn keys_of(client: &Client) -> &ClientKeys {
    let fetched = matches!(client.keys, ClientKeys::Remote(_));
    let lives = matches!(client.status, Status::Active | Status::Suspended);
    if fetched && !lives { &ClientKeys::None } else { &client.keys }
}

fn unavailable(e: store::Error) -> Refusal {
    tracing::error!(error = %e, "client authentication: the store failed");
    Refusal::new(ErrorCode::TemporarilyUnavailable, "try again later")
}

/// Authenticates the client of a request and uses up a credential that is valid once.
///
/// # Errors
/// Those of [`identify`] and [`Authenticator::spend`].
pub async fn authenticate(
    authenticator: &Authenticator,
    presented: &PresentedCredentials<'_>,
    now: Instant,
) -> Result<Authenticated, Refusal> {
    let who = identify(authenticator, presented, now).await?;
    authenticator.spend(&who, Urgency::Ordinary).await?;
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
) -> Result<Authenticated, Refusal> {
    let (client, seen) = match evidence(presented)? {
        Evidence::Secret(method, id, secret) => (by_secret(authenticator, method, &id, &secret).await?, None),
        Evidence::Assertion(token) => {
            let (client, seen) = by_assertion(authenticator, &token, now).await?;
            (client, Some(seen))
        }
        Evidence::Certificate(id, certificate) => (by_certificate(authenticator, &id, certificate, now).await?, None),
    };
    // RFC 7521 §4.2: a client_id in the body must be the one that authenticated.
    if presented.params.get("client_id").is_some_and(|id| id != client.id.as_str()) {
        return Err(FAILED);
    }
    match client.status {
        Status::Active => Ok(Authenticated { method: client.auth_method, client, assertion: seen }),
        Status::Suspended => Err(Refusal::new(ErrorCode::InvalidClient, "the client is suspended")),
        Status::Pending => Err(Refusal::new(ErrorCode::InvalidClient, "the client is not approved yet")),
        Status::Ended => Err(FAILED),
    }
}

/// Reads the credentials without checking them.
fn evidence<'a>(presented: &PresentedCredentials<'a>) -> Result<Evidence<'a>, Refusal> {
    let params = presented.params;
    let header = match presented.authorization {
        [] => None,
        [one] => Some(*one),
        _ => return Err(Refusal::invalid_request("more than one Authorization header")),
    };
    let secret = params.get("client_secret");
    let asserted = params.get("client_assertion").or_else(|| params.get("client_assertion_type")).is_some();
    if u8::from(header.is_some()) + u8::from(secret.is_some()) + u8::from(asserted) > 1 {
        return Err(Refusal::invalid_request("more than one way of client authentication"));
    }
    if let Some(header) = header {
        let (id, secret) = basic(header).ok_or(FAILED)?;
        return Ok(Evidence::Secret(AuthMethod::ClientSecretBasic, id, secret));
    }
    if let Some(secret) = secret {
        let id = params.get("client_id").and_then(ClientId::parse).ok_or(FAILED)?;
        return Ok(Evidence::Secret(AuthMethod::ClientSecretPost, id, Secret::new(secret)));
    }
    match (params.get("client_assertion_type"), params.get("client_assertion")) {
        (Some(assertion::TYPE), Some(token)) => Ok(Evidence::Assertion(token.to_owned())),
        // A certificate beside another method may be there to bind tokens (RFC 8705 §3). Alone, it needs a client_id
        // (§2).
        (None, None) => match (params.get("client_id").and_then(ClientId::parse), presented.certificate) {
            (Some(id), Some(certificate)) => Ok(Evidence::Certificate(id, certificate)),
            _ => Err(Refusal::new(ErrorCode::InvalidClient, "no client authentication")),
        },
        _ => Err(Refusal::new(ErrorCode::InvalidClient, "client_assertion and its type do not belong together")),
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

async fn by_secret(
    authenticator: &Authenticator,
    method: AuthMethod,
    id: &ClientId,
    secret: &Secret,
) -> Result<Arc<Client>, Refusal> {
    let client = authenticator.client(id).await.map_err(unavailable)?;
    let client = client.filter(|c| c.auth_method == method);
    let kept = client.as_ref().and_then(|c| c.secret.as_ref());
    // Computed for an unknown client too, so that the response takes as long as for a wrong secret.
    let right = authenticator.secrets.matches(kept, secret);
    if kept.is_some_and(|kept| !kept.counts()) {
        tracing::warn!(client = %id, "an earlier release kept this client's secret as argon2id: it needs a new one");
    }
    client.filter(|_| right).ok_or(FAILED)
}

async fn by_certificate(
    authenticator: &Authenticator,
    id: &ClientId,
    certificate: &Certificate,
    now: Instant,
) -> Result<Arc<Client>, Refusal> {
    let client = authenticator.client(id).await.map_err(unavailable)?.ok_or(FAILED)?;
    let own = match client.auth_method {
        AuthMethod::TlsClientAuth => client.tls_subject.as_ref().is_some_and(|subject| certificate.is_of(subject)),
        AuthMethod::SelfSignedTlsClientAuth => authenticator.registered(certificate, &client, now).await,
        _ => false,
    };
    if own { Ok(client) } else { Err(FAILED) }
}

async fn by_assertion(
    authenticator: &Authenticator,
    token: &str,
    now: Instant,
) -> Result<(Arc<Client>, UsedAssertion), Refusal> {
    let refuse = |why| Refusal::new(ErrorCode::InvalidClient, why);
    let parsed = jose::parse(token).map_err(|e| refuse(assertion::explain(e)))?;
    let id = assertion::issuer_of(&parsed).ok_or_else(|| refuse("the client assertion has no sub"))?;
    let client = authenticator.client(&id).await.map_err(unavailable)?;
    let client = client.filter(|c| c.auth_method == AuthMethod::PrivateKeyJwt);
    let client = client.ok_or_else(|| refuse(assertion::explain(jose::Error::Signature)))?;
    let allowed = assertion::allowed(&client);
    let verified = authenticator.verify(token, &client, &allowed, now).await;
    let verified = verified.map_err(|e| refuse(assertion::explain(e)))?;
    let seen = assertion::judge(&verified, &client, &authenticator.settings.audiences, now).map_err(refuse)?;
    Ok((client, seen))
}
