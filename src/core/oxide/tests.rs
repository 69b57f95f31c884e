//! The decisions without server, database or clock.

use super::*;
use crate::id::GrantId;
use crate::params::Params;
use crate::refusal::ErrorCode::*;
use crate::scope::Scope;
use crate::secret::Hash;
use crate::thumbprint::Thumbprint;
use proptest::prelude::*;

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// RFC 7636 appendix B.
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const URI: &str = "https://rp.example";

fn scope(text: &str) -> Scope {
    Scope::parse(text).unwrap()
}
fn at(secs: i64) -> Instant {
    Instant::from_secs(secs)
}
fn params(text: &str) -> Params {
    Params::parse(text).unwrap()
}
fn asked(text: &str, pkce_required: bool) -> Result<Negotiated, crate::refusal::ErrorCode> {
    let asker = ClientContext {
        client_id: &ClientId::parse("c1").unwrap(),
        scope: &scope("openid accounts"),
        redirects_to: &|uri| uri == URI || uri == "https://rp.example/cb?bank=1",
        pkce_required,
    };
    negotiate(&params(text), &asker).map_err(|r| r.code)
}

#[test]
fn an_authorization_request_keeps_what_was_asked_to_the_letter() {
    let text = format!(
        "client_id=c1&response_type=code&redirect_uri=https%3A%2F%2Frp.example&scope=openid+accounts&state=a+%26b\
         &code_challenge={CHALLENGE}&code_challenge_method=S256"
    );
    let agreed = asked(&text, true).unwrap();
    assert_eq!(agreed.redirect_uri, URI, "not normalised to https://rp.example/");
    assert_eq!(agreed.scope, scope("accounts openid"));
    assert_eq!(agreed.state.as_deref(), Some("a &b"));
    assert_eq!(agreed.challenge, Challenge::parse(CHALLENGE));
}

#[test]
fn authorization_requests_refused() {
    let good = [
        ("response_type", "code"),
        ("redirect_uri", URI),
        ("scope", "openid"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    // (parameter, its value or none, the code, why)
    let table = [
        ("response_type", None, InvalidRequest, "RFC 6749 4.1.2.1: a missing parameter"),
        ("response_type", Some("token"), UnsupportedResponseType, "RFC 9700 2.1.2: no implicit grant"),
        ("response_type", Some("code id_token"), UnsupportedResponseType, "no hybrid flow"),
        ("redirect_uri", None, InvalidRequest, "OpenID Connect Core 3.1.2.1: required"),
        ("redirect_uri", Some("https://rp.example/"), InvalidRequest, "RFC 9700 4.1.3: a slash more"),
        ("redirect_uri", Some("https://rp.example:443"), InvalidRequest, "the same to a browser, not to us"),
        ("redirect_uri", Some("HTTPS://rp.example"), InvalidRequest, "another letter case"),
        ("redirect_uri", Some("https://rp.example?x=1"), InvalidRequest, "a query added"),
        ("redirect_uri", Some("https://rp.example/cb?bank=2"), InvalidRequest, "a query changed"),
        ("redirect_uri", Some("not a url"), InvalidRequest, "no URL"),
        ("scope", None, InvalidScope, "RFC 6749 3.3: we have no default"),
        ("scope", Some("openid transactions"), InvalidScope, "more than the client may have"),
        ("scope", Some("  "), InvalidScope, "an empty set is no scope"),
        ("scope", Some("open\"id"), InvalidScope, "RFC 6749 3.3: a character it may not hold"),
        ("code_challenge", None, InvalidRequest, "RFC 7636 4.4.1: required"),
        ("code_challenge", Some("short"), InvalidRequest, "RFC 7636 4.2: 43 characters"),
        ("code_challenge", Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM"), InvalidRequest, "not base64url"),
        ("code_challenge_method", None, InvalidRequest, "RFC 7636 4.3: missing means plain"),
        ("code_challenge_method", Some("plain"), InvalidRequest, "RFC 9700 2.1.1: S256 only"),
        ("code_challenge_method", Some("s256"), InvalidRequest, "names are case sensitive"),
    ];
    let text =
        |pairs: &[(&str, &str)]| url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    assert!(asked(&text(&good), true).is_ok());
    for (name, value, code, why) in table {
        let mut pairs: Vec<(&str, &str)> = good.iter().filter(|(n, _)| *n != name).copied().collect();
        pairs.extend(value.map(|v| (name, v)));
        assert_eq!(asked(&text(&pairs), true).map(|a| a.scope), Err(code), "{name}={value:?}: {why}");
    }
}

#[test]
fn a_client_that_may_do_without_pkce_is_still_held_to_what_it_sends() {
    let base = "response_type=code&redirect_uri=https%3A%2F%2Frp.example&scope=openid";
    assert_eq!(asked(base, false).unwrap().challenge, None);
    assert_eq!(
        asked(&format!("{base}&code_challenge=x&code_challenge_method=S256"), false).err(),
        Some(InvalidRequest)
    );
    assert_eq!(asked(&format!("{base}&code_challenge={CHALLENGE}"), false).err(), Some(InvalidRequest), "plain");
    assert_eq!(asked(&format!("{base}&code_challenge_method=S256"), false).err(), Some(InvalidRequest));
    let with = asked(&format!("{base}&code_challenge={CHALLENGE}&code_challenge_method=S256"), false).unwrap();
    assert!(with.challenge.is_some());
}

/// What a code is bound to; [`redeem`] varies it.
struct Bound {
    challenge: Option<Challenge>,
    jkt: Option<&'static str>,
}
/// The thumbprint of the key with this name.
fn key(name: Option<&str>) -> Option<Thumbprint> {
    name.map(Thumbprint::of)
}
const WITH_ALL: Bound = Bound { challenge: None, jkt: Some("K1") };
fn redeem(bound: &Bound, text: &str, client: &str, jkt: Option<&str>, now: i64) -> Result<Exchanged, ErrorCode> {
    let (client_id, grant) = (ClientId::parse("c1").unwrap(), GrantId::parse("g1").unwrap());
    let code = LoadedCode {
        client_id: &client_id,
        grant: &grant,
        redirect_uri: URI,
        scope: &scope("openid accounts"),
        challenge: bound.challenge.as_ref(),
        dpop_jkt: key(bound.jkt),
        expires_at: at(1060),
    };
    let by = ClientId::parse(client).unwrap();
    exchange(Some(&code), &params(text), TokenCaller { client_id: &by, jkt: key(jkt) }, at(now)).map_err(|r| r.code)
}

#[test]
fn an_exchange() {
    let pkce = Bound { challenge: Challenge::parse(CHALLENGE), ..WITH_ALL };
    let free = Bound { challenge: None, jkt: None };
    let all = format!(
        "grant_type=authorization_code&code=x&client_id=c1&client_secret=s&redirect_uri=https%3A%2F%2Frp.example\
         &code_verifier={VERIFIER}"
    );
    let without = |name: &str| {
        let kept: Vec<&str> = all.split('&').filter(|p| !p.starts_with(&format!("{name}="))).collect();
        kept.join("&")
    };
    let with = |name: &str, value: &str| format!("{}&{name}={value}", without(name));
    let wrong = "A".repeat(43);
    let k1 = Some("K1");

    let done = redeem(&pkce, &all, "c1", k1, 1000).unwrap();
    assert_eq!((done.grant.as_str(), done.scope), ("g1", scope("accounts openid")));

    // (bound, parameters, client, key, now, answer, why)
    type Row<'a> = (&'a Bound, String, &'a str, Option<&'a str>, i64, Option<ErrorCode>, &'a str);
    let table: [Row<'_>; 22] = [
        (&pkce, all.clone(), "c1", k1, 1059, None, "the last second of 60"),
        (&pkce, all.clone(), "c1", k1, 1060, Some(InvalidGrant), "RFC 6749 4.1.2: 60 s"),
        (&pkce, all.clone(), "c2", k1, 1000, Some(InvalidGrant), "RFC 6749 4.1.3: another client's"),
        (&pkce, without("code_verifier"), "c1", k1, 1000, Some(InvalidGrant), "RFC 7636 4.6: no verifier"),
        (&pkce, with("code_verifier", &wrong), "c1", k1, 1000, Some(InvalidGrant), "RFC 7636 4.6: wrong verifier"),
        (&pkce, with("code_verifier", CHALLENGE), "c1", k1, 1000, Some(InvalidGrant), "the challenge is no verifier"),
        (&pkce, with("code_verifier", "short"), "c1", k1, 1000, Some(InvalidGrant), "RFC 7636 4.1: 43 characters"),
        (&pkce, with("code_verifier", &"A".repeat(129)), "c1", k1, 1000, Some(InvalidGrant), "RFC 7636 4.1: 128"),
        (&pkce, without("redirect_uri"), "c1", k1, 1000, None, "OAuth 2.1: PKCE makes it needless"),
        (&pkce, with("redirect_uri", "https://rp.example/"), "c1", k1, 1000, Some(InvalidGrant), "RFC 6749 4.1.3"),
        (&pkce, with("redirect_uri", "https://evil.example"), "c1", k1, 1000, Some(InvalidGrant), "RFC 6749 4.1.3"),
        (&pkce, all.clone(), "c1", Some("K2"), 1000, Some(InvalidGrant), "RFC 9449 10: another key"),
        (&pkce, all.clone(), "c1", None, 1000, Some(InvalidGrant), "RFC 9449 10: no proof"),
        (&pkce, without("code"), "c1", k1, 1000, Some(InvalidRequest), "RFC 6749 5.2: missing parameter"),
        (&pkce, without("grant_type"), "c1", k1, 1000, Some(InvalidRequest), "RFC 6749 5.2: missing parameter"),
        (&pkce, with("grant_type", "password"), "c1", k1, 1000, Some(UnsupportedGrantType), "RFC 6749 5.2"),
        (&pkce, without("client_id"), "c1", k1, 1000, None, "the client has authenticated by other means"),
        (&free, without("code_verifier"), "c1", None, 1000, None, "no PKCE, exact redirect_uri"),
        (&free, all.clone(), "c1", None, 1000, Some(InvalidGrant), "RFC 9700 2.1.1: PKCE downgrade"),
        (&free, without("code_verifier"), "c1", k1, 1000, None, "a key may come first at the token endpoint"),
        (
            &free,
            "grant_type=authorization_code&code=x".into(),
            "c1",
            None,
            1000,
            Some(InvalidRequest),
            "RFC 6749 4.1.3: redirect_uri required",
        ),
        (&free, without("code_verifier"), "c2", None, 1000, Some(InvalidGrant), "another client's, without PKCE"),
    ];
    for (bound, text, client, key, now, answer, why) in table {
        assert_eq!(redeem(bound, &text, client, key, now).err(), answer, "{why}");
    }
}

/// RFC 7636 §4.1: the challenge fits each of these verifiers, but not each is one.
#[test]
fn a_verifier_has_43_to_128_unreserved_characters() {
    for (verifier, fits) in [
        ("a".repeat(42), false),
        ("a".repeat(43), true),
        (format!("{}-._~", "Zz09".repeat(10)), true),
        ("a".repeat(128), true),
        ("a".repeat(129), false),
        ("a".repeat(42) + "+", false),
        ("a".repeat(42) + "=", false),
        ("a".repeat(42) + "あ", false),
    ] {
        let bound = Bound { challenge: Challenge::parse(&Hash::of(&verifier).base64url()), jkt: None };
        let pairs = [("grant_type", "authorization_code"), ("code", "x"), ("code_verifier", &verifier)];
        let text = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let got = redeem(&bound, &text, "c1", None, 1000).map(drop);
        assert_eq!(got, if fits { Ok(()) } else { Err(InvalidGrant) }, "{verifier}");
    }
}

#[test]
fn an_unknown_code_is_invalid_grant() {
    let by = ClientId::parse("c1").unwrap();
    let text = params("grant_type=authorization_code&code=x&redirect_uri=https%3A%2F%2Frp.example");
    let answer = exchange(None, &text, TokenCaller { client_id: &by, jkt: None }, at(0));
    assert_eq!(answer.map_err(|r| r.code), Err(InvalidGrant));
}

#[test]
fn nobody_but_the_codes_own_client_learns_what_it_is_bound_to() {
    let (client_id, grant) = (ClientId::parse("c1").unwrap(), GrantId::parse("g1").unwrap());
    let challenge = Challenge::parse(CHALLENGE);
    let code = LoadedCode {
        client_id: &client_id,
        grant: &grant,
        redirect_uri: URI,
        scope: &scope("accounts"),
        challenge: challenge.as_ref(),
        dpop_jkt: key(Some("K1")),
        expires_at: at(1060),
    };
    let thief = ClientId::parse("thief").unwrap();
    let by = TokenCaller { client_id: &thief, jkt: None };
    let text = params("grant_type=authorization_code&code=x&redirect_uri=https%3A%2F%2Fevil.example");
    let known = exchange(Some(&code), &text, by, at(1000));
    assert_eq!(known, exchange(None, &text, by, at(1000)), "a live code looks like an unknown one");
    assert_eq!(known, exchange(Some(&code), &text, by, at(2000)), "and like an expired one");
}

fn refreshed(text: &str, client: &str, now: i64) -> Result<Refreshed, ErrorCode> {
    let (client_id, grant) = (ClientId::parse("c1").unwrap(), GrantId::parse("g1").unwrap());
    let scope = scope("accounts openid transactions");
    let token = RefreshToken { client_id: &client_id, grant: &grant, scope: &scope, expires_at: at(1000) };
    let by = ClientId::parse(client).unwrap();
    refresh(Some(&token), &params(text), TokenCaller { client_id: &by, jkt: key(Some("new key")) }, at(now))
        .map_err(|r| r.code)
}

#[test]
fn a_refresh() {
    let all = "grant_type=refresh_token&refresh_token=r";
    let done = refreshed(all, "c1", 999).unwrap();
    assert_eq!((done.grant.as_str(), done.scope), ("g1", scope("accounts openid transactions")));
    assert_eq!(refreshed(&format!("{all}&scope=accounts"), "c1", 0).unwrap().scope, scope("accounts"));
    for (text, client, now, code, why) in [
        (all.to_owned(), "c1", 1000, InvalidGrant, "ended"),
        (all.to_owned(), "c2", 0, InvalidGrant, "RFC 6749 6: another client's"),
        (format!("{all}&scope=accounts+payments"), "c1", 0, InvalidScope, "RFC 6749 6: more than granted"),
        (format!("{all}&scope=+"), "c1", 0, InvalidScope, "an empty set"),
        ("grant_type=refresh_token".to_owned(), "c1", 0, InvalidRequest, "no token"),
        ("grant_type=x&refresh_token=r".to_owned(), "c1", 0, UnsupportedGrantType, "RFC 6749 5.2"),
    ] {
        assert_eq!(refreshed(&text, client, now), Err(code), "{why}");
    }
    let by = ClientId::parse("c1").unwrap();
    let unknown = refresh(None, &params(all), TokenCaller { client_id: &by, jkt: None }, at(0));
    assert_eq!(unknown.map_err(|r| r.code), Err(InvalidGrant));
}

proptest! {
    /// Only its client gets a token for a code, in time, with its verifier, key and redirect_uri; and always then.
    #[test]
    fn exchange_equals_its_model(
        client in prop::sample::select(vec!["c1", "c2"]),
        verifier in prop::option::of("[A-Za-z0-9._~-]{40,131}"),
        right_verifier: bool,
        uri in prop::option::of(prop::sample::select(vec![URI, "https://rp.example/", "https://rp.example:443", "https://x.example"])),
        key in prop::option::of(prop::sample::select(vec!["K1", "K2"])),
        bound_key in prop::option::of(Just("K1")),
        pkce: bool,
        now in 900_i64..1200,
    ) {
        let verifier = if right_verifier { Some("v".repeat(50)) } else { verifier };
        let challenge = pkce.then(|| Challenge::parse(&Hash::of("v".repeat(50)).base64url()).unwrap());
        let mut text = params("grant_type=authorization_code&code=x");
        if let Some(v) = &verifier { text.set("code_verifier", v); }
        if let Some(u) = uri { text.set("redirect_uri", u); }
        let (own, grant, by) = (ClientId::parse("c1").unwrap(), GrantId::parse("g").unwrap(), ClientId::parse(client).unwrap());
        let code = LoadedCode {
            client_id: &own, grant: &grant, redirect_uri: URI, scope: &scope("accounts"),
            challenge: challenge.as_ref(), dpop_jkt: self::key(bound_key), expires_at: at(1060),
        };
        let got = exchange(Some(&code), &text, TokenCaller { client_id: &by, jkt: self::key(key) }, at(now));
        let fits = client == "c1" && now < 1060
            && (bound_key.is_none() || key == bound_key)
            && match uri { Some(u) => u == URI, None => pkce }
            && if pkce { verifier == Some("v".repeat(50)) } else { verifier.is_none() };
        prop_assert_eq!(got.is_ok(), fits);
    }

    /// A refreshed token never has more than was granted, and always what was requested.
    #[test]
    fn refresh_never_widens(granted in "[a-e]( [a-e]){0,4}", asked in prop::option::of("[a-g]( [a-g]){0,3}")) {
        let (own, grant, granted) = (ClientId::parse("c1").unwrap(), GrantId::parse("g").unwrap(), scope(&granted));
        let token = RefreshToken { client_id: &own, grant: &grant, scope: &granted, expires_at: at(10) };
        let mut text = params("grant_type=refresh_token&refresh_token=r");
        if let Some(asked) = &asked { text.set("scope", asked); }
        let want = asked.map_or_else(|| granted.clone(), |a| scope(&a));
        let got = refresh(Some(&token), &text, TokenCaller { client_id: &own, jkt: None }, at(0));
        prop_assert_eq!(got.map(|r| r.scope).ok(), want.within(&granted).then_some(want));
    }

    /// Deciding any request causes no internal error, and a refusal is ASCII.
    #[test]
    fn any_authorization_request_is_decided(pairs in prop::collection::vec((
        prop::sample::select(vec!["response_type", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method"]),
        prop_oneof![Just("code".to_owned()), Just(URI.to_owned()), Just("S256".to_owned()), Just("openid".to_owned()), any::<String>()],
    ), 0..8)) {
        let mut text = Params::default();
        for (name, value) in &pairs { text.set(name, value); }
        let asker = ClientContext {
            client_id: &ClientId::parse("c1").unwrap(), scope: &scope("openid"), redirects_to: &|u| u == URI, pkce_required: true,
        };
        match negotiate(&text, &asker) {
            Ok(agreed) => prop_assert_eq!(agreed.redirect_uri, URI),
            Err(refusal) => {
                prop_assert_ne!(refusal.code, ServerError);
                prop_assert!(refusal.description.is_ascii());
            }
        }
    }
}
