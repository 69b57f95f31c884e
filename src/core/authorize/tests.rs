//! The rules, the answers and the table, without a server.

use super::*;
use crate::client::Client;
use crate::clock::Instant;
use crate::keys::{Ring, seal::Sealer};
use crate::params::Params;
use crate::random::SeededRandom;
use crate::refusal::{Code, Refusal};
use crate::secret::{Kind, issue};
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
        let opened = Ring::open(&store, &sealer, &random, Instant::from_secs(0));
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(opened).unwrap()
    })
}
/// A question that came with these parameters.
fn question<'a>(params: &'a Params, client: &'a Client, door: Door<'a>) -> Question<'a> {
    let (acr, default_audience, issuer, keys) = ("urn:ours", "api", ISSUER, ring());
    Question { params, signed: None, client, door, acr, default_audience, issuer, keys }
}
/// The answer to a request as our clients get it.
fn told(client: &Client, request: &Request, outcome: &Outcome) -> Answer {
    let voice = Voice { issuer: ISSUER, keys: ring(), now: Instant::from_secs(1_000_000) };
    oauth_answer(request, client, outcome, voice).unwrap()
}

fn request() -> Request {
    Request {
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
        claims: Demands::default(),
    }
}
