//! The behaviour of oxide-auth 0.6.1 that a reader of the RFCs would not expect. Each test shows one quirk that a file
//! of this folder works around; if an upgrade makes a test fail, the workaround may be removed.
//!
//! The comments of this folder use these numbers. Quirks 3 and 4 belong to a part of the library that is not used any
//! more (decision 4).

mod stock;

use crate::secret::Hash;
use oxide_auth::code_grant::extensions::Pkce;
use oxide_auth::code_grant::{accesstoken as at, authorization as az, refresh as rf, resource as rs};
use oxide_auth::endpoint::{NormalizedParameter, QueryParameter};
use oxide_auth::primitives::authorizer::Authorizer;
use oxide_auth::primitives::generator::{RandomGenerator, TagGrant};
use oxide_auth::primitives::grant::{Extensions, Grant, Value};
use oxide_auth::primitives::issuer::{IssuedToken, RefreshedToken, TokenType};
use oxide_auth::primitives::registrar::{Client, ExactUrl, RegisteredUrl};
use oxide_auth::primitives::scope::Scope;
use serde_json::Value as Json;
use stock::{BearerHeader, Req, grant, in_minutes, req, scope, sent, stock, token_request};

#[test]
fn quirk_1_an_unknown_or_used_code_is_invalid_request() {
    let mut stock = stock();
    let request = |code: &str| token_request(code, "https://rp.example/cb");
    assert_eq!(sent(at::access_token(&mut stock, &request("zzz")))["error"], "invalid_request");
    let code = stock.codes.authorize(grant()).unwrap();
    assert!(sent(at::access_token(&mut stock, &request(&code)))["access_token"].is_string());
    assert_eq!(sent(at::access_token(&mut stock, &request(&code)))["error"], "invalid_request");
}

#[test]
fn quirk_2_members_are_called_description_and_uri() {
    let Err(at::Error::Invalid(mut e)) = at::access_token(&mut stock(), &req(&[])) else { panic!() };
    e.description().explain("why");
    let json: Json = serde_json::from_str(&e.to_json()).unwrap();
    assert_eq!((&json["description"], json.get("error_description")), (&Json::from("why"), None));
}

#[test]
fn quirk_2a_pkce_checks_no_format() {
    let pkce = Pkce::required();
    let challenge = |m: Option<&str>, c: Option<&str>| {
        pkce.challenge(m.map(|m| m.to_owned().into()), c.map(|c| c.to_owned().into()))
    };
    // As expected: plain, a missing method (which means plain) and a missing challenge are refused.
    assert!(challenge(Some("plain"), Some("x")).is_err());
    assert!(challenge(None, Some("x")).is_err());
    assert!(challenge(Some("S256"), None).is_err());
    // Not as expected: any text is a challenge, one character is a verifier.
    assert!(challenge(Some("S256"), Some("not base64url, any length")).is_ok());
    let value = challenge(Some("S256"), Some(&Hash::of("1").base64url())).unwrap();
    assert!(pkce.verify(value, Some("1".into())).is_ok());
}

#[test]
fn quirk_2b_a_client_id_in_the_body_beside_the_authorization_is_a_duplicate() {
    let both = token_request("zzz", "https://rp.example/cb").by("c");
    let machine = &mut at::AccessToken::new(&both);
    assert!(matches!(machine.advance(at::Input::None), at::Output::Err(_)));
    let one = Req { pairs: both.pairs[1..].to_vec(), ..both.clone() };
    let machine = &mut at::AccessToken::new(&one);
    assert!(matches!(machine.advance(at::Input::None), at::Output::Authenticate { client: "c", .. }));
}

#[test]
fn quirk_2c_redirect_uris_are_compared_as_urls_and_wanted_at_the_token_endpoint() {
    let mut stock = stock();
    let code = stock.codes.authorize(grant()).unwrap();
    let other = token_request(&code, "https://rp.example:443/x/../cb");
    assert!(sent(at::access_token(&mut stock, &other))["access_token"].is_string());
    let none = req(&[("client_id", "c"), ("grant_type", "authorization_code"), ("code", "zzz")]);
    assert_eq!(sent(at::access_token(&mut stock, &none))["error"], "invalid_request");

    let exact = |s: &str| s.parse::<ExactUrl>().unwrap();
    let semantic = RegisteredUrl::Semantic("https://rp.example/cb".parse().unwrap());
    assert!(semantic == exact("https://rp.example:443/cb"));
    // It treats only the name `localhost` as loopback (RFC 8252 §7.3 wants the addresses), and normalises paths.
    let local = |s: &str| RegisteredUrl::IgnorePortOnLocalhost(s.parse().unwrap());
    assert!(local("http://localhost/cb") == exact("http://localhost:9/a/../cb"));
    assert!(local("http://127.0.0.1/cb") != exact("http://127.0.0.1:9/cb"));
    assert!(local("http://[::1]/cb") != exact("http://[::1]:9/cb"));
    // An ExactUrl may also be a URL that is not allowed as redirect_uri.
    assert!("https://rp.example/cb#fragment".parse::<ExactUrl>().is_ok());
    assert!("javascript:alert(1)".parse::<ExactUrl>().is_ok());
}

#[test]
fn quirk_2d_the_stock_addon_drops_every_other_extension() {
    let mut carried = Extensions::new();
    carried.set_raw("ours".into(), Value::private(Some("x".into())));
    let kept = at::Extension::extend(&mut (), &req(&[]), carried).unwrap();
    assert_eq!(kept.private().count(), 0);
}

#[test]
fn quirk_3_an_unknown_bearer_is_invalid_request_and_its_parameters_lack_a_comma() {
    let scopes = [scope("a")];
    let mut machine = rs::Resource::new();
    machine.advance(rs::Input::Request { request: &BearerHeader("Bearer x") });
    machine.advance(rs::Input::Scopes(&scopes));
    let rs::Output::Err(error) = machine.advance(rs::Input::Recovered(None)) else { panic!() };
    assert_eq!(error.www_authenticate(), "Bearer error=\"invalid_request\" scope=\"a\"");
}

#[test]
fn quirk_4_no_scheme_but_bearer() {
    let mut machine = rs::Resource::new();
    let output = machine.advance(rs::Input::Request { request: &BearerHeader("DPoP x") });
    assert!(matches!(output, rs::Output::Err(rs::Error::InvalidRequest { .. })));
}

#[test]
fn quirk_5_a_missing_response_type_is_unsupported_and_goes_to_the_first_redirect_uri() {
    let Err(az::Error::Redirect(url)) = az::authorization_code(&mut stock(), &req(&[("client_id", "c")])) else {
        panic!()
    };
    let url: url::Url = url.into();
    assert_eq!(url.as_str(), "https://rp.example/cb?error=unsupported_response_type");
}

#[test]
fn quirk_6_a_repeated_parameter_is_nobodys_error() {
    // The trait returns one value or none. A front end that finds two can only return `valid() == false`, which is an
    // error without redirect, or drop them, as the library's own ones do. Neither gives invalid_request.
    let twice = Req { broken: true, ..req(&[("client_id", "c"), ("response_type", "code")]) };
    assert!(matches!(az::authorization_code(&mut stock(), &twice), Err(az::Error::Ignore)));
    let own = |value: &str| ("state".to_owned(), value.to_owned());
    let query: NormalizedParameter = vec![own("1"), own("2")].into_iter().collect();
    assert_eq!(query.unique_value("state"), None);
}

#[test]
fn quirk_7_a_token_lives_as_long_as_its_code_had_left() {
    let mut stock = stock();
    let code = stock.codes.authorize(grant()).unwrap();
    let json = sent(at::access_token(&mut stock, &token_request(&code, "https://rp.example/cb")));
    assert!(json["expires_in"].as_i64().is_some_and(|s| (1..=600).contains(&s)), "{json}");
    // It knows only one token type.
    assert_eq!(json["token_type"], "bearer");
}

#[test]
fn quirks_8_and_13_ten_minutes_any_scope_no_iss_and_a_normalised_uri() {
    let mut stock = stock();
    let request = req(&[
        ("client_id", "c"),
        ("response_type", "code"),
        ("redirect_uri", "https://rp.example/cb"),
        ("state", "s"),
        ("scope", "nonexistent"),
    ]);
    let Ok(pending) = az::authorization_code(&mut stock, &request) else { panic!() };
    assert!(matches!(pending.pre_grant().redirect_uri, RegisteredUrl::Semantic(_)));
    assert_eq!(pending.pre_grant().scope, scope("a b"), "the scope asked for is not looked at");
    let Ok(url) = pending.authorize(&mut stock, "o".into()) else { panic!() };
    let field = |name: &str| url.query_pairs().find(|(k, _)| k == name).map(|(_, v)| v.into_owned());
    assert_eq!((field("state"), field("iss")), (Some("s".into()), None));
    let code = stock.codes.extract(&field("code").unwrap()).unwrap().unwrap();
    assert!(code.until > in_minutes(9) && code.until <= in_minutes(10));
}

#[test]
fn quirks_9_and_10_a_wrong_client_burns_the_code() {
    let mut stock = stock();
    let uri: ExactUrl = "https://rp.example/cb".parse().unwrap();
    stock.clients.register_client(Client::public("other", uri.into(), scope("a")));
    let code = stock.codes.authorize(grant()).unwrap();
    let mut stolen = token_request(&code, "https://rp.example/cb");
    stolen.pairs[0].1 = "other".into();
    assert_eq!(sent(at::access_token(&mut stock, &stolen))["error"], "invalid_grant");
    // The code is lost for its owner too. A replay looks like an unknown code, so no grant could be revoked.
    assert!(stock.codes.extract(&code).unwrap().is_none());
}

#[test]
fn quirk_11_refresh_forgets_everything_on_a_second_none() {
    let request = req(&[("grant_type", "refresh_token"), ("refresh_token", "r")]).by("c");
    let mut machine = rf::Refresh::new(&request);
    machine.advance(rf::Input::Authenticated { scope: None });
    let recovered = rf::Input::Recovered { scope: None, grant: Some(Box::new(grant())) };
    assert!(matches!(machine.advance(recovered), rf::Output::Refresh { .. }));
    assert!(matches!(machine.advance(rf::Input::None), rf::Output::Err(rf::Error::Primitive)));
}

#[test]
fn quirk_12_scopes_have_no_order_and_may_be_empty() {
    let printed: Vec<String> = (0..50).map(|_| scope("openid accounts transactions x y z").to_string()).collect();
    assert!(printed.iter().any(|p| *p != printed[0]));
    assert_eq!(scope("").iter().count(), 0);
    // Its serde needs a borrowed text, which a JSON value does not have.
    assert!(serde_json::from_str::<Scope>("\"a b\"").is_ok());
    assert!(serde_json::from_value::<Scope>("a b".into()).is_err());
}

#[test]
fn quirk_14_a_secret_in_the_body_is_ignored_without_a_word() {
    let mut request = token_request("zzz", "https://rp.example/cb");
    request.pairs.push(("client_secret", "wrong".into()));
    let machine = &mut at::AccessToken::new(&request);
    let output = machine.advance(at::Input::None);
    assert!(matches!(output, at::Output::Authenticate { client: "c", passdata: None }));
}

#[test]
fn quirk_15_expiry_is_judged_by_the_machines_clock() {
    let past = || Grant { until: in_minutes(-1), ..grant() };
    let request = token_request("zzz", "https://rp.example/cb");
    let mut machine = at::AccessToken::new(&request);
    machine.advance(at::Input::Authenticated);
    let recovered = at::Input::Recovered(Some(Box::new(past())));
    assert!(matches!(machine.advance(recovered), at::Output::Err(_)));

    let request = req(&[("grant_type", "refresh_token"), ("refresh_token", "r")]).by("c");
    let mut machine = rf::Refresh::new(&request);
    machine.advance(rf::Input::Authenticated { scope: None });
    let recovered = rf::Input::Recovered { scope: None, grant: Some(Box::new(past())) };
    assert!(matches!(machine.advance(recovered), rf::Output::Err(rf::Error::Invalid(_))));
}

#[test]
fn quirk_15_a_refreshed_grant_lives_an_hour_whatever_it_had() {
    let request = req(&[("grant_type", "refresh_token"), ("refresh_token", "r")]).by("c");
    let mut machine = rf::Refresh::new(&request);
    machine.advance(rf::Input::Authenticated { scope: None });
    let long = Grant { until: in_minutes(60 * 24 * 30), ..grant() };
    let recovered = rf::Input::Recovered { scope: None, grant: Some(Box::new(long)) };
    let rf::Output::Refresh { grant, .. } = machine.advance(recovered) else { panic!() };
    assert!(grant.until <= in_minutes(60));
    let token = RefreshedToken { token: "t".into(), refresh: None, until: grant.until, token_type: TokenType::Bearer };
    assert!(matches!(machine.advance(rf::Input::Refreshed(token)), rf::Output::Ok(_)));
}

#[test]
fn quirk_16_tags_are_not_url_safe() {
    let mut maker = RandomGenerator::new(64);
    let tags: String = (0..20).map(|n| maker.tag(n, &grant()).unwrap()).collect();
    assert!(tags.contains('+') && tags.contains('/') && tags.contains('='));
}

#[test]
fn an_issued_token_says_in_how_many_whole_seconds_it_ends() {
    let request = token_request("zzz", "https://rp.example/cb");
    let mut machine = at::AccessToken::new(&request);
    machine.advance(at::Input::Authenticated);
    machine.advance(at::Input::Recovered(Some(Box::new(grant()))));
    machine.advance(at::Input::Extended { access_extensions: Extensions::new() });
    let thirty_days = IssuedToken::without_refresh("t".into(), in_minutes(30 * 24 * 60));
    let at::Output::Ok(token) = machine.advance(at::Input::Issued(thirty_days)) else { panic!() };
    assert_eq!(sent(Ok(token))["expires_in"], 2_591_999);
}
