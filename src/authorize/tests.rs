//! The rules, the answers and the table, without a server.

use super::*;
use crate::clock::Instant;
use crate::random::SeededRandom;
use crate::refusal::{Code, Refusal};
use crate::secret::{Kind, issue};
use std::time::Duration;

mod answers;
mod details;
mod entry;
mod ruled;

const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const ISSUER: &str = "https://link.example.jp";

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
        prompt: vec!["consent".into()],
        max_age: Some(60),
        acr_values: vec!["urn:x".into()],
    }
}
