//! The app's protocol work: what it sends, and what it believes of the answers.

use super::provider::{Metadata, Provider};
use super::trouble::{Trouble, expect, refusal};
use super::{AppParts, AppSettings};
use crate::crypto::{Random, Secret, base64url, random_text, sha256};
use crate::jose::SigningKey;
use crate::pages::Language;
use crate::time::Clock;
use crate::wire::{self, Answer, with_query};
use reqwest::{Method, RequestBuilder};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// RFC 7523 §2.2.
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How long an assertion lives, in seconds.
const ASSERTION_LIFE: i64 = 60;

/// What the token endpoint hands out (RFC 6749 §5.1, requirements.md#token-response).
#[derive(Deserialize)]
pub(super) struct Tokens {
    pub(super) access_token: Secret,
    pub(super) token_type: String,
    pub(super) id_token: Option<String>,
    pub(super) grant_id: Option<String>,
    pub(super) grant_expires_at: Option<i64>,
}

/// What must be remembered between asking and being answered.
#[derive(Debug, Clone)]
pub(super) struct PreparedRequest {
    pub(super) state: Secret,
    pub(super) nonce: Secret,
    pub(super) verifier: Secret,
    pub(super) redirect_uri: String,
}

impl PreparedRequest {
    pub(super) fn new(random: &dyn Random, redirect_uri: String) -> Self {
        let [state, nonce, verifier] = [(); 3].map(|()| random_text(random));
        Self { state, nonce, verifier, redirect_uri }
    }
    /// The parameters of the request (RFC 6749 §4.1.1, RFC 7636 §4.3, OpenID Connect Core §3.1.2.1).
    pub(super) fn form<'a>(&'a self, client_id: &'a str, scope: &'a str, language: Language) -> Vec<(&'a str, String)> {
        vec![
            ("response_type", "code".into()),
            ("client_id", client_id.into()),
            ("redirect_uri", self.redirect_uri.clone()),
            ("scope", scope.into()),
            ("state", self.state.reveal().into()),
            ("nonce", self.nonce.reveal().into()),
            ("code_challenge", base64url(sha256(self.verifier.reveal()))),
            ("code_challenge_method", "S256".into()),
            ("ui_locales", language.as_str().into()),
        ]
    }
    /// The parameters of the redemption (RFC 6749 §4.1.3, RFC 7636 §4.5).
    pub(super) fn redemption(&self, code: &str) -> Vec<(&'static str, String)> {
        vec![
            ("grant_type", "authorization_code".into()),
            ("code", code.into()),
            ("redirect_uri", self.redirect_uri.clone()),
            ("code_verifier", self.verifier.reveal().into()),
        ]
    }
}

/// Parameters as a query takes them.
pub(super) fn borrowed<'a>(form: &'a [(&'a str, String)]) -> impl Iterator<Item = (&'a str, &'a str)> {
    form.iter().map(|(name, value)| (*name, value.as_str()))
}

/// The FAPI 2.0 client.
pub(super) struct Client {
    client_id: String,
    redirect_uri: String,
    key: SigningKey,
    proof_key: SigningKey,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    http: reqwest::Client,
    pub(super) provider: Provider,
    /// The nonces the two servers asked for last (RFC 9449 §8.2, §9).
    server_nonce: Mutex<Option<String>>,
    api_nonce: Mutex<Option<String>>,
}

/// Whose nonce goes into a proof.
#[derive(Clone, Copy)]
enum NonceAudience {
    Server,
    Api,
}

impl Client {
    pub(super) fn new(s: &AppSettings, own: &str, key: SigningKey, proof_key: SigningKey, parts: &AppParts) -> Self {
        Self {
            client_id: s.client_id.clone(),
            redirect_uri: format!("{own}/callback"),
            key,
            proof_key,
            clock: parts.clock.clone(),
            random: parts.random.clone(),
            http: parts.http.clone(),
            provider: Provider::new(&s.issuer, &parts.http),
            server_nonce: Mutex::default(),
            api_nonce: Mutex::default(),
        }
    }

    /// Pushes a request (RFC 9126 §2) and says where the browser goes (§4). Its detail names no account (RFC 9396): the
    /// customer chooses among their own.
    pub(super) async fn ask(&self, scope: &str, language: Language) -> Result<(PreparedRequest, String), Trouble> {
        let metadata = self.provider.metadata(self.clock.now()).await?;
        let asked = PreparedRequest::new(self.random.as_ref(), self.redirect_uri.clone());
        let mut form = asked.form(&self.client_id, scope, language);
        form.push(("authorization_details", json!([{"type": "account_information"}]).to_string()));
        let answer = self.post(&metadata, &metadata.pushed_authorization_request_endpoint, form).await?;
        let answer = expect(answer, 201)?;
        let request_uri = answer["request_uri"].as_str().ok_or(Trouble::Broken("request_uri"))?.to_owned();
        let query = [("client_id", self.client_id.as_str()), ("request_uri", &request_uri)];
        Ok((asked, with_query(&metadata.authorization_endpoint, query)))
    }

    /// Redeems a code for a token bound to our proof key (RFC 9449 §5).
    pub(super) async fn redeem(&self, asked: &PreparedRequest, code: &str) -> Result<Tokens, Trouble> {
        let metadata = self.provider.metadata(self.clock.now()).await?;
        let answer = self.post(&metadata, &metadata.token_endpoint, asked.redemption(code)).await?;
        let tokens: Tokens = serde_json::from_value(expect(answer, 200)?).map_err(|_| Trouble::Broken("tokens"))?;
        // A token that came unbound would be a bearer token: FAPI 2.0 §5.3.3 has us refuse it.
        if tokens.token_type.eq_ignore_ascii_case("DPoP") { Ok(tokens) } else { Err(Trouble::Broken("token_type")) }
    }

    /// Gives a token back (RFC 7009); the grant ends with it.
    pub(super) async fn revoke(&self, token: &Secret) -> Result<(), Trouble> {
        let metadata = self.provider.metadata(self.clock.now()).await?;
        let form = vec![("token", token.reveal().to_owned()), ("token_type_hint", "access_token".to_owned())];
        let answer = self.post(&metadata, &metadata.revocation_endpoint, form).await?;
        if answer.status == 200 { Ok(()) } else { Err(refusal(&answer)) }
    }

    /// Reads from the account API with a proof for this very token (RFC 9449 §7).
    pub(super) async fn get(&self, url: &str, token: &Secret) -> Result<Answer, Trouble> {
        self.proved(NonceAudience::Api, Method::GET, url, Some(token), || {
            let request = self.http.get(url);
            Ok(request
                .header("authorization", format!("DPoP {}", token.reveal()))
                .header("x-fapi-interaction-id", wire::interaction_id(self.random.as_ref())))
        })
        .await
    }

    /// A token for the app itself (RFC 6749 §4.4).
    pub(super) async fn client_token(&self, scope: &str) -> Result<Secret, Trouble> {
        let metadata = self.provider.metadata(self.clock.now()).await?;
        let form = vec![("grant_type", "client_credentials".to_owned()), ("scope", scope.to_owned())];
        let answer = self.post(&metadata, &metadata.token_endpoint, form).await?;
        let tokens: Tokens = serde_json::from_value(expect(answer, 200)?).map_err(|_| Trouble::Broken("tokens"))?;
        if tokens.token_type.eq_ignore_ascii_case("DPoP") {
            Ok(tokens.access_token)
        } else {
            Err(Trouble::Broken("token_type"))
        }
    }

    /// Calls an endpoint of the server with such a token; the whole exchange may take so long.
    pub(super) async fn call(
        &self,
        method: Method,
        url: &str,
        token: &Secret,
        body: Option<&Value>,
        wait: Duration,
    ) -> Result<Answer, Trouble> {
        self.proved(NonceAudience::Server, method.clone(), url, Some(token), || {
            let request = self.http.request(method.clone(), url).timeout(wait);
            let request = request.header("authorization", format!("DPoP {}", token.reveal()));
            Ok(match body {
                Some(body) => request.json(body),
                None => request,
            })
        })
        .await
    }

    /// Sends a form with a fresh client assertion and a proof.
    async fn post(&self, metadata: &Metadata, url: &str, form: Vec<(&str, String)>) -> Result<Answer, Trouble> {
        self.proved(NonceAudience::Server, Method::POST, url, None, || {
            // A new assertion for the second try too: the server takes each jti once.
            let mut form = form.clone();
            form.retain(|(name, _)| *name != "client_id");
            form.push(("client_id", self.client_id.clone()));
            form.push(("client_assertion_type", ASSERTION_TYPE.into()));
            form.push(("client_assertion", self.assertion(&metadata.issuer)?));
            Ok(self.http.post(url).form(&form))
        })
        .await
    }

    /// Sends with a DPoP proof, and once more if the other side wants a nonce in it (RFC 9449 §8).
    async fn proved(
        &self,
        to: NonceAudience,
        method: Method,
        url: &str,
        token: Option<&Secret>,
        request: impl Fn() -> Result<RequestBuilder, Trouble>,
    ) -> Result<Answer, Trouble> {
        let slot = match to {
            NonceAudience::Server => &self.server_nonce,
            NonceAudience::Api => &self.api_nonce,
        };
        let mut tries = 0;
        loop {
            tries += 1;
            let nonce = slot.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let proof = self.proof(&method, url, token, nonce.as_deref())?;
            let answer = wire::send(request()?.header("dpop", proof)).await?;
            if let Some(fresh) = answer.header("dpop-nonce") {
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(fresh.to_owned());
            }
            if tries == 2 || !wants_nonce(&answer) {
                return Ok(answer);
            }
        }
    }

    fn assertion(&self, issuer: &str) -> Result<String, Trouble> {
        let now = self.clock.now().timestamp();
        let claims = json!({
            "iss": self.client_id,
            "sub": self.client_id,
            // FAPI 2.0 §5.3.3: the issuer, as one string.
            "aud": issuer,
            "jti": random_text(self.random.as_ref()).reveal(),
            "iat": now,
            "exp": now + ASSERTION_LIFE,
        });
        Ok(self.key.sign(&claims)?)
    }

    /// A proof (RFC 9449 §4.2).
    fn proof(
        &self,
        method: &Method,
        url: &str,
        token: Option<&Secret>,
        nonce: Option<&str>,
    ) -> Result<String, Trouble> {
        let mut claims = json!({
            "jti": random_text(self.random.as_ref()).reveal(),
            "htm": method.as_str(),
            "htu": url.split(['?', '#']).next().unwrap_or(url),
            "iat": self.clock.now().timestamp(),
        });
        if let Some(token) = token {
            claims["ath"] = base64url(sha256(token.reveal())).into();
        }
        if let Some(nonce) = nonce {
            claims["nonce"] = nonce.into();
        }
        Ok(self.proof_key.prove(&claims)?)
    }
}

/// Both sides ask in their own way: the server in the body (RFC 9449 §8), the API in a challenge (§9).
fn wants_nonce(answer: &Answer) -> bool {
    match answer.status {
        400 => answer.json().is_ok_and(|v| v["error"] == "use_dpop_nonce"),
        401 => answer.header("www-authenticate").is_some_and(|c| c.contains("use_dpop_nonce")),
        _ => false,
    }
}
