//! The library with its own stores and loops, which we do not use, and requests from a front end without checks.

use chrono::{Duration, Utc};
use oxide_auth::code_grant::accesstoken::{self as at, Authorization as Credentials};
use oxide_auth::code_grant::{authorization as az, refresh as rf, resource as rs};
use oxide_auth::primitives::authorizer::{AuthMap, Authorizer};
use oxide_auth::primitives::generator::RandomGenerator;
use oxide_auth::primitives::grant::{Extensions, Grant};
use oxide_auth::primitives::issuer::{Issuer, TokenMap};
use oxide_auth::primitives::registrar::{Client, ClientMap, ExactUrl, Registrar};
use oxide_auth::primitives::scope::Scope;
use serde_json::Value as Json;
use std::borrow::Cow;

/// A request made of pairs, as a front end without checks would make it.
#[derive(Clone, Default)]
pub(super) struct Req {
    pub(super) pairs: Vec<(&'static str, String)>,
    pub(super) user: Option<&'static str>,
    /// What a front end reports after finding a parameter twice.
    pub(super) broken: bool,
}
pub(super) fn req(pairs: &[(&'static str, &str)]) -> Req {
    Req { pairs: pairs.iter().map(|(k, v)| (*k, (*v).to_owned())).collect(), ..Req::default() }
}
impl Req {
    pub(super) fn by(self, user: &'static str) -> Self {
        Self { user: Some(user), ..self }
    }
    fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        self.pairs.iter().find(|(k, _)| *k == name).map(|(_, v)| Cow::Borrowed(v.as_str()))
    }
}
impl az::Request for Req {
    fn valid(&self) -> bool {
        !self.broken
    }
    fn client_id(&self) -> Option<Cow<'_, str>> {
        self.get("client_id")
    }
    fn scope(&self) -> Option<Cow<'_, str>> {
        self.get("scope")
    }
    fn redirect_uri(&self) -> Option<Cow<'_, str>> {
        self.get("redirect_uri")
    }
    fn state(&self) -> Option<Cow<'_, str>> {
        self.get("state")
    }
    fn response_type(&self) -> Option<Cow<'_, str>> {
        self.get("response_type")
    }
    fn extension(&self, name: &str) -> Option<Cow<'_, str>> {
        self.get(name)
    }
}
impl at::Request for Req {
    fn valid(&self) -> bool {
        !self.broken
    }
    fn code(&self) -> Option<Cow<'_, str>> {
        self.get("code")
    }
    fn authorization(&self) -> Credentials<'_> {
        self.user.map_or(Credentials::None, |u| Credentials::Username(u.into()))
    }
    fn client_id(&self) -> Option<Cow<'_, str>> {
        self.get("client_id")
    }
    fn redirect_uri(&self) -> Option<Cow<'_, str>> {
        self.get("redirect_uri")
    }
    fn grant_type(&self) -> Option<Cow<'_, str>> {
        self.get("grant_type")
    }
    fn extension(&self, name: &str) -> Option<Cow<'_, str>> {
        self.get(name)
    }
}
impl rf::Request for Req {
    fn valid(&self) -> bool {
        !self.broken
    }
    fn refresh_token(&self) -> Option<Cow<'_, str>> {
        self.get("refresh_token")
    }
    fn scope(&self) -> Option<Cow<'_, str>> {
        self.get("scope")
    }
    fn grant_type(&self) -> Option<Cow<'_, str>> {
        self.get("grant_type")
    }
    fn authorization(&self) -> Option<(Cow<'_, str>, Cow<'_, [u8]>)> {
        self.user.map(|u| (u.into(), Cow::Borrowed(&b""[..])))
    }
    fn extension(&self, name: &str) -> Option<Cow<'_, str>> {
        self.get(name)
    }
}
pub(super) struct BearerHeader(pub(super) &'static str);
impl rs::Request for BearerHeader {
    fn valid(&self) -> bool {
        true
    }
    fn token(&self) -> Option<Cow<'_, str>> {
        Some(self.0.into())
    }
}

/// The library's own stores and loops, which we do not use.
pub(super) struct Stock {
    pub(super) clients: ClientMap,
    pub(super) codes: AuthMap<RandomGenerator>,
    pub(super) tokens: TokenMap<RandomGenerator>,
    pub(super) addon: (),
}
pub(super) fn stock() -> Stock {
    let mut clients = ClientMap::new();
    let uri: ExactUrl = "https://rp.example/cb".parse().unwrap();
    clients.register_client(Client::public("c", uri.into(), scope("a b")));
    let maker = || RandomGenerator::new(16);
    Stock { clients, codes: AuthMap::new(maker()), tokens: TokenMap::new(maker()), addon: () }
}
impl az::Endpoint for Stock {
    fn registrar(&self) -> &dyn Registrar {
        &self.clients
    }
    fn authorizer(&mut self) -> &mut dyn Authorizer {
        &mut self.codes
    }
    fn extension(&mut self) -> &mut dyn az::Extension {
        &mut self.addon
    }
}
impl at::Endpoint for Stock {
    fn registrar(&self) -> &dyn Registrar {
        &self.clients
    }
    fn authorizer(&mut self) -> &mut dyn Authorizer {
        &mut self.codes
    }
    fn issuer(&mut self) -> &mut dyn Issuer {
        &mut self.tokens
    }
    fn extension(&mut self) -> &mut dyn at::Extension {
        &mut self.addon
    }
}
pub(super) fn scope(text: &str) -> Scope {
    text.parse().unwrap()
}
#[expect(clippy::disallowed_methods, reason = "the library's clock is the machine's: quirk 15")]
pub(super) fn in_minutes(n: i64) -> chrono::DateTime<Utc> {
    Utc::now() + Duration::minutes(n)
}
pub(super) fn grant() -> Grant {
    Grant {
        owner_id: "o".into(),
        client_id: "c".into(),
        scope: scope("a b"),
        redirect_uri: "https://rp.example/cb".parse().unwrap(),
        until: in_minutes(10),
        extensions: Extensions::new(),
    }
}
pub(super) fn token_request(code: &str, redirect_uri: &str) -> Req {
    req(&[("client_id", "c"), ("grant_type", "authorization_code"), ("code", code), ("redirect_uri", redirect_uri)])
}
/// The JSON the library would send.
pub(super) fn sent(answer: Result<at::BearerToken, at::Error>) -> Json {
    let text = match answer {
        Ok(token) => token.to_json(),
        Err(at::Error::Invalid(e)) => e.to_json(),
        Err(_) => panic!("neither a token nor invalid"),
    };
    serde_json::from_str(&text).unwrap()
}
