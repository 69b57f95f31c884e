//! What clients say: who they are, what they ask for, what they would be registered as.

use crate::{ISSUER, NOW, parts, sendable};
use futures_util::future::BoxFuture;
use renkei_core::audit::Actor;
use renkei_core::authorize::{Details, RequestInput, RequestSource, admit, check, object};
use renkei_core::client::metadata::{Rules, document, parse};
use renkei_core::client::{
    self, Authenticator, Client, FetchError, JwksPort, PresentedCredentials, SecretKey, Settings,
};
use renkei_core::client::{registration, sql};
use renkei_core::id::ClientId;
use renkei_core::keys::jose::{self, Alg};
use renkei_core::keys::{Ring, SigningKey, seal::Sealer};
use renkei_core::network::Network;
use renkei_core::params::Params;
use renkei_core::random::SeededRandom;
use renkei_core::refusal::ErrorCode;
use renkei_core::scope::Scope;
use renkei_core::store::{Store, Tx};
use serde_json::{Value, json};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

const REDIRECT: &str = "https://app.example/cb?a=1";

fn rules() -> Rules {
    Rules {
        loopback_http: false,
        scopes: Scope::parse("openid accounts transactions offline_access"),
        grant_lifetime: Duration::from_secs(30 * 86_400),
        detail_types: Some(vec!["account_information".into()]),
        methods: client::AuthMethod::ALL,
        weak_secrets: true,
        signing: None,
    }
}
fn client_of(record: &Value) -> Client {
    parse(record, ClientId::parse(record["client_id"].as_str().unwrap()).unwrap(), &rules(), NOW).unwrap()
}
fn key() -> &'static SigningKey {
    static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(Alg::EdDsa).unwrap());
    &KEY
}
fn fapi() -> Value {
    json!({
        "client_id": "app", "client_name": "App", "redirect_uris": [REDIRECT], "scope": "openid accounts",
        "jwks": {"keys": [key().public().to_json()]},
    })
}
fn oidc() -> Value {
    json!({"client_id": "web", "client_name": "Web", "profile": "oidc", "redirect_uris": [REDIRECT], "scope": "openid accounts"})
}

struct Nothing;
impl JwksPort for Nothing {
    fn get_json<'a>(&'a self, _: &'a str, _: &'a [Network]) -> BoxFuture<'a, Result<Value, FetchError>> {
        Box::pin(async { Err(FetchError("nothing is fetched here".into())) })
    }
}

/// A registry with `app` (private_key_jwt) and `web` (a secret nobody knows), and our own keys.
struct TestRegistry {
    runtime: tokio::runtime::Runtime,
    authenticator: Authenticator,
    keys: Ring,
    _folder: tempfile::TempDir,
}
static REGISTRY: LazyLock<TestRegistry> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (authenticator, keys) = runtime.block_on(async {
        let store = Store::sqlite(&folder.path().join("renkei.db")).unwrap();
        let (sealer, random) = (Sealer::new("k", &[1; 32]).unwrap(), SeededRandom::new(1));
        let settings = Settings { audiences: vec![ISSUER.into()], dpop_nonce_required: false, mtls_aliases: false };
        let key = SecretKey::open(&store, &sealer, &random, NOW).await.unwrap();
        for record in [fapi(), oidc()] {
            let made = client::prepare(&record, &rules(), false, &key, &random, NOW).unwrap().client;
            let work = move |tx: &mut Tx<'_, '_>| sql::register(tx, &made, &Actor::System, NOW);
            store.write(work).await.unwrap();
        }
        let keys = Ring::open(&store, &sealer, &random, &Alg::ALL, NOW).await.unwrap();
        let nothing = Arc::new(Nothing);
        (Authenticator::open(store, &sealer, &random, nothing, settings, NOW).await.unwrap(), keys)
    });
    TestRegistry { runtime, authenticator, keys, _folder: folder }
});

/// `Authorization` headers, body and assertion: nobody gets in who does not hold the key.
pub fn authenticate(data: &[u8]) {
    let Some([headers, body, claims]) = parts::<3>(data) else { return };
    let headers: Vec<&str> = headers.split('\n').filter(|h| !h.is_empty()).collect();
    let Ok(mut params) = Params::parse(body) else { return };
    let ask = |params: &Params| {
        let presented = PresentedCredentials { authorization: &headers, params, certificate: None, version: None };
        REGISTRY.runtime.block_on(client::authenticate(&REGISTRY.authenticator, &presented, NOW))
    };
    match ask(&params) {
        Ok(_) => panic!("nobody here knows a secret or a key"),
        Err(refusal) => sendable(&refusal),
    }
    // The same with claims that are truly signed: the rules behind the signature decide.
    let Ok(claims) = serde_json::from_str::<Value>(claims) else { return };
    let Ok(assertion) = jose::sign(key(), None, &claims) else { return };
    params.set("client_assertion", &assertion);
    params.set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    match ask(&params) {
        Err(refusal) => sendable(&refusal),
        Ok(in_) => {
            assert!(headers.is_empty() && in_.client.id.as_str() == "app");
            assert_eq!(
                (&claims["iss"], &claims["sub"], &claims["aud"]),
                (&json!("app"), &json!("app"), &json!(ISSUER))
            );
            let again = ask(&params).expect_err("an assertion is good once");
            assert_eq!(again.code, ErrorCode::InvalidClient);
        }
    }
}

fn asks<'a>(params: &'a Params, client: &'a Client, listener: RequestSource) -> RequestInput<'a> {
    let (acr, default_audience) = ("urn:ours", "accounts-api");
    RequestInput {
        params,
        signed: None,
        client,
        source: listener,
        acr,
        default_audience,
        issuer: ISSUER,
        keys: &REGISTRY.keys,
    }
}

/// An authorization request at either door: what is accepted stays within what the client registered.
pub fn request(data: &[u8]) {
    static CLIENTS: LazyLock<[Client; 2]> = LazyLock::new(|| [client_of(&fapi()), client_of(&oidc())]);
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(params) = Params::parse(text) else { return };
    for client in CLIENTS.iter() {
        for listener in [RequestSource::Pushed { proof_jkt: None }, RequestSource::Browser] {
            match check(&asks(&params, client, listener)) {
                Err(refusal) => sendable(&refusal),
                Ok(request) => {
                    assert_eq!(request.redirect_uri, REDIRECT);
                    assert!(request.scope.within(&client.scope) && !request.scope.is_empty());
                    assert!(request.code_challenge.is_some(), "both of them must use PKCE");
                    assert!(!client.require_par || listener != RequestSource::Browser);
                    for text in [&request.state, &request.nonce].into_iter().flatten() {
                        assert!(text.len() <= 2048);
                    }
                    let stored = serde_json::to_string(&request).unwrap();
                    assert!(stored.len() <= renkei_core::authorize::rules::MAX_STORED);
                    assert_eq!(
                        serde_json::from_str::<renkei_core::authorize::AuthorizationRequest>(&stored).unwrap(),
                        request
                    );
                }
            }
        }
    }
}

/// A request object (RFC 9101): beside these parameters, as it stands and truly signed with these claims. It is refused, or
/// what it says counts and stays within what the client registered.
pub fn object(data: &[u8]) {
    static CLIENTS: LazyLock<[Client; 2]> = LazyLock::new(|| {
        let keys = json!({"keys": [key().public().to_json()]});
        let with_keys = |mut record: Value, more: &[(&str, &str)]| {
            record["jwks"] = keys.clone();
            more.iter().for_each(|(name, value)| record[*name] = json!(value));
            client_of(&record)
        };
        [with_keys(fapi(), &[]), with_keys(oidc(), &[("request_object_signing_alg", "RS256")])]
    });
    let Some([beside, token, claims]) = parts::<3>(data) else { return };
    let Ok(mut params) = Params::parse(beside) else { return };
    let claims: Option<Value> = serde_json::from_str(claims).ok();
    let signed = claims.as_ref().and_then(|c| jose::sign(key(), Some("oauth-authz-req+jwt"), c).ok());
    for token in [Some(token), signed.as_deref()].into_iter().flatten().filter(|t| !t.is_empty()) {
        params.set("request", token);
        for client in CLIENTS.iter() {
            for listener in [RequestSource::Pushed { proof_jkt: None }, RequestSource::Browser] {
                let question = asks(&params, client, listener);
                let opened = admit(&question).and_then(|admitted| {
                    let verified =
                        jose::verify(admitted.unwrap_or_default(), &[key().public().clone()], &object::allowed(client));
                    object::open(verified, &question, NOW)
                });
                let asked = opened.and_then(|inside| check(&RequestInput { signed: Some(&inside), ..question }));
                match asked {
                    Err(refusal) => sendable(&refusal),
                    Ok(request) => {
                        let claims =
                            claims.as_ref().filter(|_| Some(token) == signed.as_deref()).expect("only what was signed");
                        assert_eq!(client.id.as_str(), "app", "the other's algorithm is another");
                        assert!(claims["iss"] == "app" && claims["sub"] != "app" && claims["exp"].is_number());
                        assert_eq!((request.redirect_uri.as_str(), &claims["client_id"]), (REDIRECT, &json!("app")));
                        assert!(request.scope.within(&client.scope) && request.code_challenge.is_some());
                        assert_eq!(
                            request.state.as_deref().unwrap_or_default(),
                            claims["state"].as_str().unwrap_or_default()
                        );
                    }
                }
            }
        }
    }
}

/// A client's record (RFC 7591): what is accepted is written out and read back the same.
pub fn metadata(data: &[u8]) {
    registered(data);
    let Ok(value) = serde_json::from_slice::<Value>(data) else { return };
    let id = ClientId::parse("app").unwrap();
    let _ = renkei_core::client::metadata::client_id(&value).map_err(|refusal| sendable(&refusal));
    match parse(&value, id.clone(), &rules(), NOW) {
        Err(refusal) => sendable(&refusal),
        Ok(made) => {
            let written = document(&made);
            let again = parse(&written, id, &rules(), NOW).unwrap_or_else(|r| panic!("{r}: {written}"));
            assert_eq!(document(&again), written);
            for uri in &made.redirect_uris {
                let scheme = uri.get(..8).is_some_and(|s| s.eq_ignore_ascii_case("https://"));
                assert!(scheme && !uri.contains(['#', '*', '\\', ' ']), "{uri}");
            }
            assert!(!made.profile.is_fapi() || made.require_pkce && made.require_par);
        }
    }
}

/// The same record from outside (RFC 7591): pending, nothing of it the institution's, and good to be sent back.
fn registered(data: &[u8]) {
    let Some(sent) = registration::json::parse(data) else { return };
    let theirs: Value = serde_json::from_slice(data).expect("what the strict reader reads, any reader reads");
    assert_eq!(theirs.as_object(), Some(&sent), "and reads the same");
    let id = || ClientId::parse("app").unwrap();
    let made = match registration::judge(&sent, (id(), None), None, &rules(), NOW) {
        Err(refusal) => return sendable(&refusal),
        Ok(made) => made,
    };
    assert!(made.status == client::Status::Pending && made.profile.is_fapi() && made.require_pkce);
    assert!(made.resources.is_empty() && made.provider.registration_number.is_none() && made.secret.is_none());
    let told = document(&made);
    let back = registration::judge(told.as_object().unwrap(), (id(), None), Some(&made), &rules(), NOW);
    let back = back.unwrap_or_else(|r| panic!("{r}: {told}"));
    assert_eq!(document(&back), told);
    assert!(!registration::opens(&made, &back));
}

/// `authorization_details` (RFC 9396).
pub fn details(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Details::parse(text) {
        Err(refusal) => {
            sendable(&refusal);
            assert_eq!(refusal.code, ErrorCode::InvalidAuthorizationDetails);
        }
        Ok(detail) => {
            assert!(detail.accounts.len() <= 50 && detail.permissions.len() <= 2);
            assert!(detail.from.zip(detail.to).is_none_or(|(from, to)| from <= to));
            let narrowed = detail.narrowed(&detail).expect("as much as itself");
            assert_eq!(narrowed, detail);
        }
    }
}
