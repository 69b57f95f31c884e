//! The list of rules for an authorization request; each row names its rule.

use super::*;
use crate::authorize::rules::MAX_LENGTH;
use crate::authorize::rules::RequestSource::Browser;
use crate::client::metadata::{self, Rules};
use crate::client::{AuthMethod, Client, GrantType};
use crate::keys::jose::Alg;
use crate::params::Params;
use crate::refusal::ErrorCode as Code;
use crate::thumbprint::Thumbprint;
use proptest::prelude::*;
use serde_json::{Value, json};

const URI: &str = "https://app.example/cb?bank=1";
const JKT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
const FAPI: &str = "fapi2";
pub(super) const OIDC: &str = "oidc";

/// A client of a profile, with `more` in its record.
pub(super) fn client(profile: &str, more: &Value) -> Client {
    let mut record = json!({
        "client_name": "App", "profile": profile, "redirect_uris": [URI, "https://app.example/other"],
        "scope": "openid accounts", "resources": ["https://api.example"],
    });
    if profile.starts_with(FAPI) {
        record["jwks_uri"] = json!("https://app.example/jwks");
    }
    for (name, value) in more.as_object().unwrap() {
        record[name] = value.clone();
    }
    let rules = Rules {
        loopback_http: false,
        scopes: None,
        grant_lifetime: Duration::from_secs(30 * 86_400),
        detail_types: None,
        methods: AuthMethod::ALL,
        signing: None,
        weak_secrets: true,
    };
    metadata::parse(&record, ClientId::parse("c1").unwrap(), &rules, Instant::from_secs(0)).unwrap()
}
/// A good request; `change` sets a parameter, or drops it.
pub(super) fn params(change: &[(&str, Option<&str>)]) -> Params {
    let mut params = Params::default();
    for (name, value) in [
        ("client_id", "c1"),
        ("response_type", "code"),
        ("redirect_uri", URI),
        ("scope", "openid accounts"),
        ("state", "st"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ] {
        params.set(name, value);
    }
    for (name, value) in change {
        match value {
            Some(value) => params.set(name, value),
            None => params.retain(|n| n != *name),
        }
    }
    params
}
pub(super) fn asked(
    client: &Client,
    source: RequestSource,
    change: &[(&str, Option<&str>)],
) -> Result<AuthorizationRequest, Refusal> {
    check(&input(&params(change), client, source))
}
const PUSHED: RequestSource = RequestSource::Pushed { proof_jkt: None };

#[test]
fn a_good_request_becomes_what_it_says() {
    let change = [
        ("response_mode", Some("form_post")),
        ("nonce", Some("n-0S6_WzA2Mj")),
        ("prompt", Some("login consent")),
        ("max_age", Some("0")),
        ("ui_locales", Some("en-GB ja <script>")),
        ("acr_values", Some("a urn:ours urn:ours b")),
        ("id_token_hint", Some("a.b.c")),
        ("resource", Some("https://api.example")),
        ("dpop_jkt", Some(JKT)),
        ("login_hint", Some("09012343333")),
        ("display", Some("popup")),
        ("claims", Some(r#"{"id_token":{"acr":{"essential":true,"value":"urn:ours"},"sub":{"value":"s"}}}"#)),
        ("unknown", Some("ignored (RFC 6749 3.1)")),
    ];
    let request = asked(&client(FAPI, &json!({})), PUSHED, &change).unwrap();
    let expected = AuthorizationRequest {
        grant_action: None,
        client_id: ClientId::parse("c1").unwrap(),
        redirect_uri: URI.into(),
        response_mode: ResponseMode::FormPost,
        state: Some("st".into()),
        nonce: Some("n-0S6_WzA2Mj".into()),
        scope: Scope::parse("openid accounts").unwrap(),
        code_challenge: Challenge::parse(CHALLENGE),
        dpop_jkt: Thumbprint::parse(JKT),
        resource: vec!["https://api.example".into()],
        authorization_details: None,
        ui_locales: vec!["en-GB".into(), "ja".into()],
        prompt: vec![Prompt::Login, Prompt::Consent],
        max_age: Some(0),
        acr_values: vec!["urn:ours".into()],
        hint: Some(Hint::Unreadable),
        claims: Demands { acr: Some(vec!["urn:ours".into()]), sub: Some(vec!["s".into()]) },
    };
    assert_eq!(request, expected);
    assert!(request.openid());
    let text = serde_json::to_string(&request).unwrap();
    assert!(!text.contains("09012343333"), "login_hint is never kept");
    assert_eq!(serde_json::from_str::<AuthorizationRequest>(&text).unwrap(), expected);
}

#[test]
fn the_list_in_its_order() {
    let (long, escaped) = ("x".repeat(MAX_LENGTH + 1), "あ".repeat(MAX_LENGTH / 9 + 1));
    let other_key = "A".repeat(43);
    let proof = RequestSource::Pushed { proof_jkt: Thumbprint::parse(&other_key) };
    let fapi = client(FAPI, &json!({}));
    let oidc = client(OIDC, &json!({}));
    let signing = client("fapi2_message_signing", &json!({}));
    let resource_server = {
        let mut record = client(OIDC, &json!({}));
        record.grant_types.retain(|g| *g != GrantType::AuthorizationCode);
        record
    };
    let registered = |alg, signs| {
        let mut record = client(OIDC, &json!({}));
        (record.request_object_alg, record.require_signed_request) = (alg, signs);
        record
    };
    let (by_alg, by_demand) = (registered(Some(Alg::Es256), false), registered(None, true));
    type Row<'a> = (&'a Client, RequestSource, &'a str, Option<&'a str>, Code, &'a str);
    let table: [Row<'_>; 46] = [
        (&fapi, PUSHED, "client_id", Some("c2"), Code::InvalidClient, "RFC 9126 2.1: another client's name"),
        (&resource_server, PUSHED, "state", None, Code::UnauthorizedClient, "RFC 6749 4.1.2.1"),
        (&fapi, Browser, "state", None, Code::InvalidRequest, "FAPI 2.0 5.3.2.2: FAPI without PAR"),
        (&fapi, PUSHED, "request_uri", Some("urn:x"), Code::InvalidRequest, "RFC 9126 2.1"),
        (&signing, PUSHED, "state", None, Code::InvalidRequest, "RFC 9101 10.5: an unsigned push"),
        (&oidc, Browser, "request", Some("e30.e30."), Code::RequestNotSupported, "OpenID Connect Core 3.1.2.6"),
        (&by_alg, Browser, "request", Some("e30.e30."), Code::InvalidRequestObject, "registered; nobody opened it"),
        (&by_demand, Browser, "request", Some("e30.e30."), Code::InvalidRequestObject, "registered; nobody opened it"),
        (&fapi, PUSHED, "request", Some("e30.e30."), Code::InvalidRequestObject, "RFC 9101 6: nobody opened it"),
        (&fapi, PUSHED, "response_mode", Some("fragment"), Code::InvalidRequest, "no way for a code"),
        (&fapi, PUSHED, "response_mode", Some("QUERY"), Code::InvalidRequest, "names are case sensitive"),
        (&fapi, PUSHED, "state", Some(&long), Code::InvalidRequest, "longer than an address carries"),
        (&fapi, PUSHED, "nonce", Some(&long), Code::InvalidRequest, "longer than an address carries"),
        (&fapi, PUSHED, "state", Some(&escaped), Code::InvalidRequest, "longer than an address carries, once escaped"),
        (&fapi, PUSHED, "nonce", Some(&escaped), Code::InvalidRequest, "longer than an address carries, once escaped"),
        (&oidc, Browser, "prompt", Some("sometimes"), Code::InvalidRequest, "OpenID Connect Core 3.1.2.1"),
        (&oidc, Browser, "prompt", Some("none login"), Code::InvalidRequest, "OpenID Connect Core 3.1.2.1"),
        (&oidc, Browser, "max_age", Some("-1"), Code::InvalidRequest, "OpenID Connect Core 3.1.2.1"),
        (&oidc, Browser, "max_age", Some("+1"), Code::InvalidRequest, "a sign is no digit"),
        (&oidc, Browser, "max_age", Some("soon"), Code::InvalidRequest, "OpenID Connect Core 3.1.2.1"),
        (&oidc, Browser, "max_age", Some("99999999999"), Code::InvalidRequest, "three centuries"),
        (&oidc, Browser, "claims", Some("name"), Code::InvalidRequest, "OpenID Connect Core 5.5"),
        (
            &oidc,
            Browser,
            "claims",
            Some(r#"{"id_token":{"acr":{"essential":true,"values":["urn:theirs"]}}}"#),
            Code::UnmetAuthenticationRequirements,
            "OpenID Connect Core 5.5.1.1",
        ),
        (&oidc, Browser, "registration", Some("{}"), Code::RegistrationNotSupported, "OpenID Connect Core 7.2.1"),
        (&oidc, Browser, "prompt", Some("create"), Code::InvalidRequest, "not among prompt_values_supported"),
        (&fapi, PUSHED, "dpop_jkt", Some("short"), Code::InvalidRequest, "RFC 9449 10"),
        (&fapi, proof, "dpop_jkt", Some(JKT), Code::InvalidRequest, "RFC 9449 10.1: two keys"),
        (&fapi, PUSHED, "resource", Some("https://else.example"), Code::InvalidTarget, "RFC 8707 2"),
        (&fapi, PUSHED, "resource", Some("https://api.example/"), Code::InvalidTarget, "RFC 8707 2: to the letter"),
        (&fapi, PUSHED, "authorization_details", Some("[]"), Code::InvalidAuthorizationDetails, "RFC 9396 5"),
        (&fapi, PUSHED, "redirect_uri", None, Code::InvalidRequest, "RFC 6749 3.1.2: missing with two registered"),
        (&fapi, PUSHED, "redirect_uri", Some("https://evil.example/"), Code::InvalidRequest, "RFC 6749 3.1.2"),
        (&fapi, PUSHED, "redirect_uri", Some("https://app.example/cb?bank=2"), Code::InvalidRequest, "RFC 6749 3.1.2"),
        (&fapi, PUSHED, "redirect_uri", Some("https://app.example/cb"), Code::InvalidRequest, "redirect_uri"),
        (&fapi, PUSHED, "response_type", None, Code::InvalidRequest, "RFC 6749 3.1.1"),
        (&fapi, PUSHED, "response_type", Some("token"), Code::UnsupportedResponseType, "RFC 6749 3.1.1"),
        (&fapi, PUSHED, "response_type", Some("code id_token"), Code::UnsupportedResponseType, "RFC 6749 3.1.1"),
        (&fapi, PUSHED, "scope", None, Code::InvalidScope, "RFC 6749 3.3"),
        (&fapi, PUSHED, "scope", Some("transactions"), Code::InvalidScope, "not registered for this client"),
        (&fapi, PUSHED, "scope", Some("openid payments"), Code::InvalidScope, "not in the catalogue"),
        (&fapi, PUSHED, "code_challenge", None, Code::InvalidRequest, "RFC 7636 4.3: absent"),
        (&fapi, PUSHED, "code_challenge_method", Some("plain"), Code::InvalidRequest, "RFC 7636 4.4.1: plain"),
        (&fapi, PUSHED, "code_challenge_method", None, Code::InvalidRequest, "RFC 7636 4.4.1: plain by default"),
        (&fapi, PUSHED, "code_challenge", Some("="), Code::InvalidRequest, "RFC 7636 4.2"),
        (&oidc, Browser, "code_challenge", None, Code::InvalidRequest, "PKCE unless the record says no"),
        (&oidc, Browser, "response_type", Some("id_token"), Code::UnsupportedResponseType, "RFC 6749 3.1.1"),
    ];
    for (client, source, name, value, code, why) in table {
        let got = asked(client, source, &[(name, value)]).map_err(|r| r.code);
        assert_eq!(got, Err(code), "{name}={value:?}: {why}");
    }
}

#[test]
fn what_is_allowed_is_allowed() {
    let proof = RequestSource::Pushed { proof_jkt: Thumbprint::parse(JKT) };
    let fapi = client(FAPI, &json!({}));
    let oidc = client(OIDC, &json!({}));
    let free = client(OIDC, &json!({"require_pkce": false}));
    let pushes = client(OIDC, &json!({"require_pushed_authorization_requests": true}));
    type Row<'a> = (&'a Client, RequestSource, &'a [(&'a str, Option<&'a str>)], &'a str);
    let table: [Row<'_>; 12] = [
        (&oidc, Browser, &[], "an oidc client need not push"),
        (&oidc, PUSHED, &[], "but it may"),
        (&pushes, PUSHED, &[], "RFC 9126 6: and must where its record says so"),
        (&fapi, PUSHED, &[("client_id", None)], "the client is authenticated by other means"),
        (&fapi, proof, &[("dpop_jkt", Some(JKT))], "RFC 9449 10.1: the same key twice"),
        (&fapi, PUSHED, &[("dpop_jkt", Some(JKT))], "RFC 9449 10: bound without a proof"),
        (&fapi, PUSHED, &[("resource", Some("api"))], "the audience it would get anyway"),
        (&fapi, PUSHED, &[("prompt", Some("none"))], "answered at /oauth/authorize, not at PAR"),
        (&fapi, PUSHED, &[("prompt", Some("select_account"))], "satisfied by nature"),
        (&fapi, PUSHED, &[("state", None)], "RFC 6749 4.1.1: only recommended"),
        (&fapi, PUSHED, &[("scope", Some("accounts"))], "plain OAuth without openid"),
        (&free, Browser, &[("code_challenge", None), ("code_challenge_method", None)], "require_pkce is false"),
    ];
    for (client, source, change, why) in table {
        assert!(asked(client, source, change).is_ok(), "{change:?}: {why}");
    }
    assert!(asked(&pushes, Browser, &[]).is_err());
    let bound = asked(&fapi, proof, &[]).unwrap();
    assert_eq!(bound.dpop_jkt, Thumbprint::parse(JKT), "RFC 9449 10.1: the proof at PAR binds the code");
}

#[test]
fn offline_access_counts_where_it_means_something() {
    let asks = [("scope", Some("openid accounts offline_access"))];
    let without = asked(&client(OIDC, &json!({})), Browser, &asks).unwrap();
    assert_eq!(without.scope, Scope::parse("openid accounts").unwrap(), "OpenID Connect Core 11: ignored");
    let nothing_else = [("scope", Some("offline_access"))];
    let refused = asked(&client(OIDC, &json!({})), Browser, &nothing_else).map_err(|r| r.code);
    assert_eq!(refused, Err(Code::InvalidScope), "nothing is left to ask for");
    let more = json!({
        "grant_types": ["authorization_code", "refresh_token"], "scope": "openid accounts offline_access",
    });
    let with = asked(&client(OIDC, &more), Browser, &asks).unwrap();
    assert!(with.scope.has("offline_access"));
}

#[test]
fn an_unknown_scope_is_dropped_in_an_openid_request() {
    let oidc = client(OIDC, &json!({}));
    for (client, asks, want, why) in [
        (&oidc, "openid profile email address phone", Some("openid"), "OpenID Connect Core 3.1.2.1"),
        (&oidc, "email accounts openid", Some("accounts openid"), "RFC 6749 3.3: in any order"),
        (&oidc, "openid transactions", None, "known, but not this client's"),
        (&oidc, "accounts payments", None, "no OpenID request"),
        (&client(FAPI, &json!({})), "openid payments", None, "FAPI asks for what it may have"),
    ] {
        let got = asked(client, PUSHED, &[("scope", Some(asks))]).map(|r| r.scope).map_err(|r| r.code);
        assert_eq!(got, want.and_then(Scope::parse).ok_or(Code::InvalidScope), "{asks}: {why}");
    }
}

#[test]
fn default_max_age_is_the_clients() {
    let client = client(OIDC, &json!({"default_max_age": 300}));
    assert_eq!(asked(&client, Browser, &[]).unwrap().max_age, Some(300));
    assert_eq!(asked(&client, Browser, &[("max_age", Some("60"))]).unwrap().max_age, Some(60));
}

#[test]
fn a_destination_exists_only_for_a_registered_redirect_uri() {
    let client = client(OIDC, &json!({}));
    let to = |change: &[(&str, Option<&str>)]| destination(&params(change), &client);
    let denied = Outcome::Refused(Refusal::new(Code::InvalidScope, "x"));
    let context = ResponseContext { issuer: ISSUER, keys: ring(), now: Instant::from_secs(0) };
    let tell = |change: &[(&str, Option<&str>)]| done(to(change).unwrap().answer(&client, &denied, context)).unwrap();
    let AuthorizationResponse::Redirect { url } = tell(&[("scope", Some("payments"))]) else { panic!() };
    assert!(url.starts_with(&format!("{URI}&error=invalid_scope&")), "RFC 6749 3.1.2: the query is kept: {url}");
    assert!(url.contains("&state=st&iss="));
    for (uri, why) in [
        (None, "missing"),
        (Some("https://evil.example/"), "another host"),
        (Some("https://app.example/cb?bank=1#f"), "a fragment"),
        (Some("https://app.example/cb?bank=1&x=2"), "a query added"),
        (Some("https://app.example/cb?bank=%31"), "the same after decoding, not to the letter"),
        (Some("https://app.example@evil.example/cb?bank=1"), "a user name"),
        (Some("javascript:alert(1)"), "no address"),
    ] {
        assert_eq!(to(&[("redirect_uri", uri)]).map_err(|r| r.code), Err(Code::InvalidRequest), "{why}");
    }
    let unknown_mode = tell(&[("response_mode", Some("fragment"))]);
    assert!(
        matches!(unknown_mode, AuthorizationResponse::Redirect { .. }),
        "an unknown response_mode is refused in the query"
    );
    let form = tell(&[("response_mode", Some("form_post"))]);
    assert!(matches!(form, AuthorizationResponse::FormPost { .. }));
}

#[test]
fn every_rule_says_what_it_demands() {
    let mut names = rules::names();
    let all = names.len();
    assert!(names.iter().all(|n| n.is_ascii() && n.len() > 20));
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
}

proptest! {
    /// Whatever comes, a refusal is one line of ASCII that repeats nothing of it, and what is accepted fits the client.
    #[test]
    fn any_request_is_decided(
        changes in prop::collection::vec((
            prop::sample::select(vec![
                "client_id", "response_type", "redirect_uri", "scope", "state", "nonce", "code_challenge", "prompt",
                "code_challenge_method", "response_mode", "max_age", "dpop_jkt", "resource", "request", "request_uri",
                "authorization_details", "ui_locales", "acr_values", "claims", "registration",
            ]),
            prop::option::of(prop_oneof![Just(URI.to_owned()), Just("openid".to_owned()), Just(JKT.to_owned()), any::<String>()]),
        ), 0..4),
        pushed: bool,
        fapi: bool,
    ) {
        let client = client(if fapi { FAPI } else { OIDC }, &json!({}));
        let change: Vec<(&str, Option<&str>)> = changes.iter().map(|(n, v)| (*n, v.as_deref())).collect();
        match asked(&client, if pushed { PUSHED } else { Browser }, &change) {
            Ok(request) => {
                prop_assert!(pushed || !fapi);
                prop_assert!(client.redirect_uris.contains(&request.redirect_uri));
                prop_assert!(!request.scope.is_empty() && request.scope.within(&client.scope));
                prop_assert!(request.code_challenge.is_some());
            }
            Err(refusal) => {
                prop_assert_ne!(refusal.code, Code::ServerError);
                prop_assert!(refusal.description.chars().all(|c| matches!(c, ' '..='!' | '#'..='[' | ']'..='~')));
            }
        }
    }
}
