//! What client authentication knows: the records of clients, their keys, and what was used up. [`super::identify`] decides.

use super::assertion::UsedAssertion;
use super::certificate::Certificate;
use super::dpop::{self, Nonces};
use super::refused::{AuthFailure, RefusedClient, unavailable};
use super::remote::{JwksPort, Remote};
use super::replay::UsedOnce;
use super::{AuthMethod, Client, ClientKeys, SecretKey, Status, sql};
use crate::clock::Instant;
use crate::id::ClientId;
use crate::keys::Jwk;
use crate::keys::jose::{self, Alg, Verified};
use crate::keys::ring;
use crate::keys::seal::Sealer;
use crate::random::Random;
use crate::refusal::{ErrorCode, Refusal};
use crate::store::{self, CommitNumber, Store, Stripe, WatchedRow};
use crate::thumbprint::Thumbprint;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// The refusal of a proof that was used before.
pub const PROOF_REPLAYED: Refusal = Refusal::new(ErrorCode::InvalidDpopProof, "the DPoP proof was used before");

/// The server's own values.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The issuer first, then the endpoints an OpenID Connect client may use as `aud` of its assertion.
    pub audiences: Vec<String>,
    /// Whether a DPoP proof must have a nonce of ours (RFC 9449 §8).
    pub dpop_nonce_required: bool,
    /// Whether the metadata has endpoints of their own for clients with a certificate (RFC 8705 §5).
    pub mtls_aliases: bool,
}

/// What client authentication needs: the registry, the caches, the keys. One per server.
pub struct Authenticator {
    pub(super) store: Store,
    pub(super) settings: Settings,
    pub(super) nonces: Nonces,
    remote: Remote,
    pub(super) secrets: SecretKey,
    clients: RwLock<HashMap<ClientId, CachedClient>>,
}

/// A parsed record, and the commit up to which it was read.
#[derive(Clone)]
struct CachedClient {
    client: Arc<Client>,
    row: Stripe,
    read_at: Option<CommitNumber>,
}

/// What the store said of a client's record together with something else, so that it need not be asked again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordVersion {
    /// The client.
    pub client: ClientId,
    /// The version of its record; `None` if it has none.
    pub number: Option<i64>,
}

/// An authenticated client.
#[derive(Debug, Clone)]
pub struct Authenticated {
    /// The client.
    pub client: Arc<Client>,
    /// The method it used.
    pub method: AuthMethod,
    /// Its assertion, which is valid once.
    pub(super) assertion: Option<UsedAssertion>,
}
impl Authenticated {
    /// What the request uses up, with its proof.
    #[must_use]
    pub fn uses_once(&self, proof: Option<&dpop::Proof>) -> UsedOnce {
        UsedOnce {
            assertion: self.assertion.map(|assertion| (assertion.key, assertion.until)),
            proof: proof.map(|proof| (proof.replay, proof.until)),
        }
    }
    /// The refusal of an assertion that was used before.
    #[must_use]
    pub fn replayed(&self) -> RefusedClient {
        let why = "the client assertion was used before";
        RefusedClient::saying(AuthFailure::AssertionReplayed, why).of(&self.client, self.method)
    }
}

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
            clients: RwLock::default(),
        })
    }

    /// A client of the registry, suspended or not. The parsed record is kept. Whether it is still the current one is
    /// asked of the store each time, so that a suspension holds from its commit on, on every node; on SQLite the store
    /// says so without a query ([`store::Changes`]).
    ///
    /// # Errors
    /// Those of the store.
    pub async fn client(&self, id: &ClientId) -> store::Result<Option<Arc<Client>>> {
        self.client_with(id, None).await
    }

    /// The same, where the store may have said the version already.
    pub(super) async fn client_with(
        &self,
        id: &ClientId,
        read: Option<&RecordVersion>,
    ) -> store::Result<Option<Arc<Client>>> {
        let cached = self.clients.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned();
        if let Some(CachedClient { client, row, read_at: Some(read_at) }) = &cached
            && self.store.changes().is_some_and(|changes| changes.unchanged(*read_at, &[*row]))
        {
            return Ok(Some(client.clone()));
        }
        // In a box of its own: otherwise the future of every request would be as large as that of this one.
        Box::pin(self.read_client(id, cached, read)).await
    }

    async fn read_client(
        &self,
        id: &ClientId,
        cached: Option<CachedClient>,
        read: Option<&RecordVersion>,
    ) -> store::Result<Option<Arc<Client>>> {
        let read_at = self.store.changes().map(|changes| changes.finished());
        let version = match read {
            Some(read) if read.client == *id => read.number,
            _ => self.store.look_up(sql::VERSION, [id.as_str().into()]).await?.map(|row| row.int(0)).transpose()?,
        };
        let found = match (cached, version) {
            (_, None) => None,
            (Some(cached), Some(version)) if cached.client.version == version => Some(cached.client),
            _ => {
                let wanted = id.clone();
                self.store.read(move |tx| sql::load(tx, &wanted)).await?.map(Arc::new)
            }
        };
        let mut clients = self.clients.write().unwrap_or_else(PoisonError::into_inner);
        match &found {
            Some(client) => {
                let row = Stripe::of(WatchedRow::Client(id));
                clients.insert(id.clone(), CachedClient { client: Arc::clone(client), row, read_at });
            }
            None => {
                clients.remove(id);
            }
        }
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
        let once = UsedOnce { proof: Some((proof.replay, proof.until)), ..UsedOnce::default() };
        match self.store.write(move |tx| once.claim(tx)).await.map_err(unavailable)? {
            None => Ok(proof.jkt),
            Some(_) => Err(PROOF_REPLAYED),
        }
    }

    /// Stores that the client's credential was used, if it is valid once; also when the disk is full, because it may end something.
    ///
    /// # Errors
    /// `invalid_client`; `temporarily_unavailable` if the store fails.
    pub async fn spend(&self, who: &Authenticated) -> Result<(), RefusedClient> {
        let once = who.uses_once(None);
        if once.is_empty() {
            return Ok(());
        }
        match Box::pin(self.store.ending().write(move |tx| once.claim(tx))).await {
            Ok(None) => Ok(()),
            Ok(Some(_)) => Err(who.replayed()),
            Err(cause) => Err(RefusedClient::unavailable(cause).of(&who.client, who.method)),
        }
    }

    /// The nonce to send in `DPoP-Nonce` (RFC 9449 §8.2).
    #[must_use]
    pub fn dpop_nonce(&self, now: Instant) -> String {
        self.nonces.issue(now)
    }

    /// Whether the client registered this certificate (RFC 8705 §2.2), with the same keys and the same second fetch.
    pub(super) async fn registered(&self, certificate: &Certificate, client: &Client, now: Instant) -> bool {
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
