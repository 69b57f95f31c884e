//! Step 0 under test. Each file is one question: what a record may say, which address matches, how a client proves who
//! it is, what a proof must hold.

mod assertion;
mod dpop;
mod import;
mod metadata;
mod mutual;
mod rate;
mod secret;

use super::metadata::{Rules, parse};
use super::{AuthMethod, Authenticator, Client, FetchError, JwksPort, Settings, StoredSecret, redirect_match, sql};
use crate::audit::Actor;
use crate::clock::Instant;
use crate::id::ClientId;
use crate::keys::SigningKey;
use crate::keys::seal::Sealer;
use crate::network::Network;
use crate::random::SeededRandom;
use crate::scope::Scope;
use crate::secret::Secret;
use crate::store::Store;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const ISSUER: &str = "https://as.example";
const NOW: Instant = Instant::from_secs(1_800_000_000);

fn rules() -> Rules {
    Rules {
        loopback_http: false,
        scopes: Scope::parse("openid accounts transactions offline_access"),
        grant_lifetime: Duration::from_secs(30 * 86_400),
        detail_types: Some(vec!["account_information".into()]),
        methods: AuthMethod::ALL,
        signing: None,
        weak_secrets: true,
    }
}

fn client_of(document: &Value) -> Client {
    parse(document, ClientId::parse("app").unwrap(), &rules(), NOW).unwrap()
}

/// A FAPI client with `keys` inline.
fn fapi(keys: &[&SigningKey]) -> Value {
    let keys: Vec<_> = keys.iter().map(|k| k.public().to_json()).collect();
    json!({"client_id": "app", "client_name": "App", "redirect_uris": ["https://app.example/cb"], "jwks": {"keys": keys}})
}

/// An OpenID Connect client with a secret.
fn oidc() -> Value {
    json!({"client_id": "app", "client_name": "App", "profile": "oidc", "redirect_uris": ["https://app.example/cb"]})
}

/// A web that serves one document and counts how often it was asked. It may stand in a private network.
#[derive(Default)]
struct Web {
    document: Mutex<Option<Value>>,
    asked: AtomicUsize,
    inside: Mutex<Option<IpAddr>>,
}
impl Web {
    fn serve(&self, document: Option<Value>) {
        *self.document.lock().unwrap() = document;
    }
    fn stand_at(&self, private: &str) {
        *self.inside.lock().unwrap() = Some(private.parse().unwrap());
    }
    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}
impl JwksPort for Web {
    fn get_json<'a>(&'a self, _: &'a str, networks: &'a [Network]) -> BoxFuture<'a, Result<Value, FetchError>> {
        Box::pin(async move {
            let inside = *self.inside.lock().unwrap();
            if inside.is_some_and(|ip| !networks.iter().any(|n| n.holds(ip))) {
                return Err(FetchError("inside our own network".into()));
            }
            self.asked.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            self.document.lock().unwrap().clone().ok_or_else(|| FetchError("not reachable".into()))
        })
    }
}

/// A registry with an authenticator in front of it.
struct TestRegistry {
    _dir: tempfile::TempDir,
    store: Store,
    web: Arc<Web>,
    authenticator: Authenticator,
}
impl TestRegistry {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::sqlite(&dir.path().join("renkei.db")).unwrap();
        let web = Arc::new(Web::default());
        let settings = Settings {
            audiences: vec![ISSUER.into(), format!("{ISSUER}/oauth/token"), format!("{ISSUER}/oauth/par")],
            dpop_nonce_required: false,
            mtls_aliases: false,
        };
        let sealer = Sealer::new("master", &[1; 32]).unwrap();
        let random = SeededRandom::new(1);
        let authenticator = Authenticator::open(store.clone(), &sealer, &random, web.clone(), settings, NOW);
        let authenticator = authenticator.await.unwrap();
        Self { _dir: dir, store, web, authenticator }
    }
    /// A client with a secret, or without one of its own.
    async fn register(&self, document: &Value, secret: Option<&str>) -> Client {
        let key = self.authenticator.secret_key();
        self.register_stored(document, secret.map(|text| key.to_stored(&Secret::new(text)))).await
    }
    async fn register_stored(&self, document: &Value, secret: Option<StoredSecret>) -> Client {
        let mut client = client_of(document);
        client.id = ClientId::parse(document["client_id"].as_str().unwrap()).unwrap();
        client.secret = secret;
        let saved = client.clone();
        let work = move |tx: &mut crate::store::Tx<'_, '_>| sql::register(tx, &saved, &Actor::System, NOW);
        self.store.write(work).await.unwrap();
        client
    }
}

#[test]
fn redirect_uris_match_to_the_letter() {
    let mut record = oidc();
    record["redirect_uris"] = json!(["https://app.example/cb?a=1", "https://app.example/cb2"]);
    let client = client_of(&record);
    for (uri, same) in [
        ("https://app.example/cb?a=1", true),
        ("https://app.example/cb2", true),
        ("https://app.example/cb", false),
        ("https://app.example/cb?a=1&b=2", false),
        ("https://app.example/cb?a=2", false),
        ("https://app.example/cb2/", false),
        ("https://app.example/cb2#", false),
        ("https://APP.example/cb2", false),
        ("https://app.example:443/cb2", false),
        ("https://app.example/x/../cb2", false),
        ("https://app.example/cb%32", false),
        ("http://app.example/cb2", false),
        ("", false),
    ] {
        assert_eq!(redirect_match(&client, uri), same, "{uri}");
    }
}
