//! The apps: `creco` (FAPI 2.0: PAR, private_key_jwt, DPoP), `kakeibo` (OpenID Connect with a secret) and the resource
//! server `accounts-api`.

use super::http::{Answer, Http, RequestParts, encode};
use super::jws::{Key, b64, sha256};
use base64::Engine;
use renkei_core::clock::{Clock, ManualClock};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How an app proves who it is.
pub(crate) enum Credential {
    /// private_key_jwt with this key and `kid`.
    Jwt(Key, String),
    /// client_secret_basic.
    Secret(String),
    /// The certificate its connection shows (RFC 8705 §2).
    Certificate,
}

/// One registered app.
pub(crate) struct App {
    http: Http,
    clock: Arc<ManualClock>,
    pub client_id: String,
    pub redirect_uri: String,
    pub credential: Credential,
    /// The DPoP key, if its tokens are bound to one.
    pub dpop: Option<Key>,
}

/// One request for a link, kept until its code is exchanged.
#[derive(Debug, Clone)]
pub(crate) struct Pending {
    pub state: String,
    pub nonce: String,
    pub verifier: String,
    /// Where the browser is sent.
    pub url: String,
}

/// Something of ours that a code was exchanged for.
#[derive(Debug, Clone)]
pub(crate) struct Tokens {
    pub access_token: String,
    pub grant_id: String,
    pub body: Value,
}

impl App {
    pub(crate) fn new(
        http: Http,
        clock: Arc<ManualClock>,
        id: &str,
        redirect_uri: &str,
        credential: Credential,
    ) -> Self {
        Self { http, clock, client_id: id.into(), redirect_uri: redirect_uri.into(), credential, dpop: None }
    }
    pub(crate) fn with_dpop(mut self, key: Key) -> Self {
        self.dpop = Some(key);
        self
    }
    /// The same app at another server.
    pub(crate) fn at(self, http: Http) -> Self {
        Self { http, ..self }
    }
    fn fresh(&self, what: &str) -> String {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let n = NEXT.fetch_add(1, Ordering::SeqCst);
        b64(sha256(format!("{} {what} {n}", self.client_id).as_bytes()))
    }
    /// A client assertion (RFC 7523 §3, FAPI 2.0: `aud` is the issuer as one string).
    pub(crate) fn assertion(&self, change: impl Fn(&mut Value)) -> String {
        let Credential::Jwt(key, kid) = &self.credential else { panic!("{} has no key", self.client_id) };
        let now = self.clock.now().secs();
        let mut claims = json!({
            "iss": self.client_id, "sub": self.client_id, "aud": self.http.issuer, "jti": self.fresh("jti"),
            "iat": now, "nbf": now, "exp": now + 60,
        });
        change(&mut claims);
        key.sign(json!({ "kid": kid }), &claims)
    }
    /// The public half of the key its assertions are signed with.
    pub(crate) fn jwk(&self) -> Value {
        let Credential::Jwt(key, _) = &self.credential else { panic!("{} has no key", self.client_id) };
        key.jwk()
    }
    /// A DPoP proof (RFC 9449 §4.2).
    pub(crate) fn proof(&self, method: &str, htu: &str, nonce: Option<&str>, token: Option<&str>) -> String {
        let key = self.dpop.as_ref().unwrap();
        let mut claims =
            json!({ "jti": self.fresh("proof"), "htm": method, "htu": htu, "iat": self.clock.now().secs() });
        if let Some(n) = nonce {
            claims["nonce"] = json!(n);
        }
        if let Some(t) = token {
            claims["ath"] = json!(b64(sha256(t.as_bytes())));
        }
        key.sign(json!({ "typ": "dpop+jwt", "jwk": key.jwk() }), &claims)
    }
    /// A POST to an endpoint of ours with the client's authentication, and a DPoP proof where `dpop`; a nonce the
    /// server asks for is used once (RFC 9449 §8).
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)], dpop: bool) -> Answer {
        let mut nonce: Option<String> = None;
        for _ in 0..2 {
            let mut form: Vec<(String, String)> = fields.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect();
            let mut ask = RequestParts::default();
            match &self.credential {
                Credential::Jwt(..) => {
                    form.push(("client_id".into(), self.client_id.clone()));
                    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
                    form.push(("client_assertion_type".into(), kind.into()));
                    form.push(("client_assertion".into(), self.assertion(|_| {})));
                }
                Credential::Secret(secret) => ask = ask.header("authorization", basic(&self.client_id, secret)),
                Credential::Certificate => form.push(("client_id".into(), self.client_id.clone())),
            }
            if dpop && self.dpop.is_some() {
                let htu = format!("{}{path}", self.http.issuer);
                ask = ask.header("dpop", self.proof("POST", &htu, nonce.as_deref(), None));
            }
            let answer = self.http.send("POST", path, ask.form(&form)).await;
            let asked = answer.status == 400 && answer.body.contains("use_dpop_nonce");
            if !asked || nonce.is_some() {
                return answer;
            }
            nonce = Some(answer.header("dpop-nonce").unwrap().to_owned());
        }
        unreachable!("two tries answer")
    }
    /// The parameters of a new request.
    pub(crate) fn request(&self, scope: &str) -> (Pending, Vec<(&'static str, String)>) {
        let (state, nonce, verifier) = (self.fresh("state"), self.fresh("nonce"), self.fresh("verifier"));
        let mut fields = vec![
            ("response_type", "code".to_owned()),
            ("client_id", self.client_id.clone()),
            ("redirect_uri", self.redirect_uri.clone()),
            ("scope", scope.to_owned()),
            ("state", state.clone()),
            ("code_challenge", b64(sha256(verifier.as_bytes()))),
            ("code_challenge_method", "S256".to_owned()),
        ];
        if scope.contains("openid") {
            fields.push(("nonce", nonce.clone()));
        }
        (Pending { state, nonce, verifier, url: String::new() }, fields)
    }
    /// Pushes a request (RFC 9126) and says where the browser goes.
    pub(crate) async fn push(&self, scope: &str) -> Pending {
        let (mut pending, fields) = self.request(scope);
        // The client_id of the form is added with the authentication.
        let fields: Vec<_> = fields.iter().filter(|(n, _)| *n != "client_id").map(|(n, v)| (*n, v.as_str())).collect();
        let mut fields = fields;
        if matches!(self.credential, Credential::Secret(_)) {
            fields.push(("client_id", &self.client_id));
        }
        let pushed = self.post("/oauth/par", &fields, false).await.expect(201).json();
        pending.url = self.authorize_url(pushed["request_uri"].as_str().unwrap());
        pending
    }
    pub(crate) fn authorize_url(&self, request_uri: &str) -> String {
        let q = encode(&[("client_id", self.client_id.as_str()), ("request_uri", request_uri)]);
        format!("{}/oauth/authorize?{q}", self.http.issuer)
    }
    /// The same without PAR.
    pub(crate) fn ask_directly(&self, scope: &str) -> Pending {
        let (mut pending, fields) = self.request(scope);
        pending.url = format!("{}/oauth/authorize?{}", self.http.issuer, encode(&fields));
        pending
    }
    /// Checks what the browser brought back (state, RFC 9207's iss) and exchanges the code.
    pub(crate) async fn exchange(&self, pending: &Pending, brought: &BTreeMap<String, String>) -> Tokens {
        let answer = self.try_exchange(pending, &self.code(pending, brought)).await.expect(200);
        assert_eq!(answer.header("cache-control"), Some("no-store"), "RFC 6749 §5.1");
        let body = answer.json();
        let text = |n: &str| body[n].as_str().unwrap_or_else(|| panic!("no {n} in {body}")).to_owned();
        Tokens { access_token: text("access_token"), grant_id: text("grant_id"), body: body.clone() }
    }
    pub(crate) fn code(&self, pending: &Pending, brought: &BTreeMap<String, String>) -> String {
        let names: Vec<&str> = brought.keys().map(String::as_str).collect();
        assert_eq!(names, ["code", "iss", "state"], "{brought:?}");
        assert_eq!(brought["state"], pending.state);
        assert_eq!(brought["iss"], self.http.issuer);
        brought["code"].clone()
    }
    pub(crate) async fn try_exchange(&self, pending: &Pending, code: &str) -> Answer {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", self.redirect_uri.as_str()),
            ("code_verifier", pending.verifier.as_str()),
        ];
        self.post("/oauth/token", &fields, true).await
    }
    /// RFC 7009.
    pub(crate) async fn revoke(&self, token: &str) -> Answer {
        self.post("/oauth/revoke", &[("token", token)], false).await
    }
    /// RFC 7662, for a resource server.
    pub(crate) async fn introspect(&self, token: &str) -> Value {
        self.post("/oauth/introspect", &[("token", token)], false).await.expect(200).json()
    }
    /// What an app is told when the customer did not agree.
    #[track_caller]
    pub(crate) fn refused(&self, pending: &Pending, brought: &BTreeMap<String, String>, error: &str) {
        assert_eq!(brought.get("error").map(String::as_str), Some(error), "{brought:?}");
        assert_eq!(brought["state"], pending.state);
        assert_eq!(brought["iss"], self.http.issuer);
        assert!(!brought.contains_key("code"));
    }
}

/// RFC 6749 §2.3.1: both parts form-encoded.
pub(crate) fn basic(id: &str, secret: &str) -> String {
    let part = |s: &str| url::form_urlencoded::byte_serialize(s.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", part(id), part(secret));
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
}
