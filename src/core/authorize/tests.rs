//! The rules, the answers and the table, without a server.

use super::*;
use crate::client::Client;
use crate::clock::Instant;
use crate::keys::{Ring, seal::Sealer};
use crate::params::Params;
use crate::random::SeededRandom;
use crate::refusal::{ErrorCode, Refusal};
use crate::secret::{SecretKind, issue};
use crate::store::Store;
use std::sync::OnceLock;
use std::time::Duration;

mod answers;
mod bounds;
mod claims;
mod details;
mod entry;
mod object;
mod ruled;

const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const ISSUER: &str = "https://link.example.jp";

/// One ring for all tests: its RSA keys take time.
fn ring() -> &'static Ring {
    static RING: OnceLock<Ring> = OnceLock::new();
    RING.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::sqlite(&dir.path().join("renkei.db")).unwrap();
        let (sealer, random) = (Sealer::new("master", &[1; 32]).unwrap(), SeededRandom::new(1));
        let opened = Ring::open(&store, &sealer, &random, &crate::keys::jose::Alg::ALL, Instant::from_secs(0));
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(opened).unwrap()
    })
}
/// A question that came with these parameters.
fn input<'a>(params: &'a Params, client: &'a Client, door: RequestSource) -> RequestInput<'a> {
    let (acr, default_audience, issuer, keys) = ("urn:ours", "api", ISSUER, ring());
    RequestInput { params, signed: None, client, source: door, acr, default_audience, issuer, keys }
}
/// The answer to a request as our clients get it.
fn client_response(client: &Client, request: &AuthorizationRequest, outcome: &Outcome) -> AuthorizationResponse {
    let context = ResponseContext { issuer: ISSUER, keys: ring(), now: Instant::from_secs(1_000_000) };
    done(oauth_answer(request, client, outcome, context)).unwrap()
}
/// What a future comes to; a signature with RSA is made on another thread.
fn done<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(work)
}

fn request() -> AuthorizationRequest {
    AuthorizationRequest {
        client_id: ClientId::parse("creco").unwrap(),
        redirect_uri: "https://app.example/cb".into(),
        response_mode: ResponseMode::Query,
        state: Some("st".into()),
        nonce: Some("n".into()),
        scope: Scope::parse("openid accounts").unwrap(),
        code_challenge: Challenge::parse(CHALLENGE),
        dpop_jkt: None,
        resource: vec!["https://api.example".into()],
        authorization_details: None,
        ui_locales: vec!["ja".into()],
        prompt: vec![Prompt::Consent],
        max_age: Some(60),
        acr_values: vec!["urn:x".into()],
        hint: None,
        grant_action: None,
        claims: Demands::default(),
    }
}
