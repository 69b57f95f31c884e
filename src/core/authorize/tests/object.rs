//! Signed request objects (FAPI 2.0 Message Signing §5.3, RFC 9101), one by one: what the client has signed, after its
//! signature has been verified.

use super::ruled::{OIDC, client, params};
use super::*;
use crate::keys::jose::{self, Alg, Claims, Header, Verified};
use crate::params::Params;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const NOW: Instant = Instant::from_secs(1_000_000);
const PUSHED: RequestSource = RequestSource::Pushed { proof_jkt: None };

fn object(claims: &Value) -> Map<String, Value> {
    claims.as_object().unwrap().clone()
}
fn good() -> Map<String, Value> {
    object(&json!({
        "iss": "c1", "aud": ISSUER, "exp": 1_000_300, "nbf": 1_000_000, "iat": 1_000_000, "jti": "j",
        "client_id": "c1", "response_type": "code", "redirect_uri": "https://app.example/cb?bank=1",
        "scope": "openid accounts", "state": "inside", "code_challenge": CHALLENGE, "code_challenge_method": "S256",
    }))
}
/// A good object with changes; `null` drops a claim.
fn with(change: &Value) -> Map<String, Value> {
    let mut claims = good();
    claims.extend(object(change));
    claims.retain(|_, v| !v.is_null());
    claims
}
fn verified(typ: Option<&str>, claims: Map<String, Value>) -> Verified {
    let header = Header { alg: Alg::Es256, typ: typ.map(str::to_owned), kid: None, jwk: None };
    Verified { header, claims: Claims(claims), thumbprint: crate::thumbprint::Thumbprint::of("k") }
}
/// Opens an object that came from a source beside these parameters.
fn verify_object(
    client: &Client,
    source: RequestSource,
    outside: &Params,
    verified: Result<Verified, jose::Error>,
) -> Result<Params, Refusal> {
    super::super::object::open(verified, &input(outside, client, source), NOW)
}
fn pushed(client: &Client, claims: Map<String, Value>) -> Result<Params, Refusal> {
    verify_object(client, PUSHED, &Params::default(), Ok(verified(Some("oauth-authz-req+jwt"), claims)))
}

#[test]
fn a_good_object_is_its_parameters_and_nothing_of_the_jwt() {
    let signing = client("fapi2_message_signing", &json!({}));
    let inside = pushed(&signing, good()).unwrap();
    assert_eq!((inside.get("state"), inside.get("iss"), inside.get("exp")), (Some("inside"), None, None));
    let mut outside = params(&[("state", Some("outside")), ("nonce", Some("outside"))]);
    outside.set("request", "the object");
    let request = check(&RequestInput { signed: Some(&inside), ..input(&outside, &signing, PUSHED) }).unwrap();
    assert_eq!(request.state.as_deref(), Some("inside"), "RFC 9101 5: what stands outside is not used");
    assert_eq!(request.nonce, None, "RFC 9126 3: not even where nothing stands inside");
}

#[test]
fn values_become_what_a_parameter_would_be() {
    let more = json!({
        "max_age": 300, "claims": {"id_token": {"acr": null}}, "resource": ["https://a.example", "https://b.example"],
        "authorization_details": [{"type": "account_information"}], "unknown": {"deep": [1]}, "sub": "somebody",
    });
    let inside = pushed(&client("fapi2", &json!({})), with(&more)).unwrap();
    assert_eq!(inside.get("max_age"), Some("300"));
    assert_eq!(inside.get("claims"), Some(r#"{"id_token":{"acr":null}}"#));
    assert_eq!(inside.get("authorization_details"), Some(r#"[{"type":"account_information"}]"#), "RFC 9396 2");
    assert_eq!(inside.all("resource").count(), 2, "RFC 8707 2.1");
    assert_eq!((inside.get("unknown"), inside.get("sub")), (None, None), "nobody knows them");
    let text = pushed(&client("fapi2", &json!({})), with(&json!({"claims": "{}"}))).unwrap();
    assert_eq!(text.get("claims"), Some("{}"));
}

#[test]
fn what_is_refused_of_a_request_object() {
    let many: Map<String, Value> = (0..70).map(|n| (format!("p{n}"), json!("x"))).collect();
    let table = [
        (json!({"aud": "https://else.example"}), "aud of somebody else"),
        (json!({"aud": null}), "aud missing"),
        (json!({"aud": ["https://else.example"]}), "aud without us"),
        (json!({"aud": format!("{ISSUER}/oauth/par")}), "the endpoint is not the issuer"),
        (json!({"exp": null}), "exp missing"),
        (json!({"exp": 999_989}), "expired"),
        (json!({"exp": "soon"}), "RFC 7519 2: no date"),
        (json!({"exp": 1_004_200}), "exp 70 min ahead"),
        (json!({"nbf": null}), "nbf missing"),
        (json!({"nbf": 995_800}), "nbf 70 min ago"),
        (json!({"nbf": 1_000_062}), "nbf from the future"),
        (json!({"iss": null}), "RFC 9101 4"),
        (json!({"iss": "c2"}), "RFC 9101 4"),
        (json!({"client_id": null}), "RFC 9101 5: only what is inside counts"),
        (json!({"client_id": "c2"}), "RFC 9101 5"),
        (json!({"sub": "c1"}), "RFC 9101 10.8: it would be a client assertion"),
        (json!({"request": "e30.e30.e30"}), "RFC 9101 4: an object in the object"),
        (json!({"request_uri": "urn:x"}), "RFC 9101 4: no request_uri inside"),
        (json!({"scope": ["openid", "accounts"]}), "no text"),
        (json!({"max_age": 1.5}), "no number of seconds"),
        (json!({"state": {"a": 1}}), "no text"),
        (json!({"state": "a\0b"}), "what no parameter may hold"),
        (json!({"resource": [1]}), "no text"),
        (Value::Object(many), "more than a request may have"),
    ];
    for profile in ["fapi2", "fapi2_message_signing"] {
        let client = client(profile, &json!({}));
        for (change, why) in &table {
            let got = pushed(&client, with(change)).map_err(|r| r.code).err();
            assert_eq!(got, Some(ErrorCode::InvalidRequestObject), "{why}: {change}");
        }
    }
    for error in [
        jose::Error::Malformed,
        jose::Error::Algorithm,
        jose::Error::Critical,
        jose::Error::UnknownKey,
        jose::Error::Signature,
    ] {
        let got =
            verify_object(&client("fapi2", &json!({})), PUSHED, &Params::default(), Err(error)).map_err(|r| r.code);
        assert_eq!(got.err(), Some(ErrorCode::InvalidRequestObject), "{error}");
    }
}

#[test]
fn what_is_allowed_is_allowed() {
    let fapi = client("fapi2_message_signing", &json!({}));
    for (change, why) in [
        (json!({"aud": ["https://else.example", ISSUER]}), "an array with the issuer"),
        (json!({"nbf": 1_000_008}), "a clock 8 s ahead"),
        (json!({"nbf": 996_401, "exp": 1_000_001}), "an hour, to the second"),
        (json!({"exp": 999_995}), "a clock a little behind"),
        (json!({"jti": null, "iat": null}), "neither is demanded"),
    ] {
        assert!(pushed(&fapi, with(&change)).is_ok(), "{why}");
    }
    for typ in [None, Some("JWT"), Some("jwt"), Some("OautH-auThZ-REQ+jWt"), Some("application/oauth-authz-req+jwt")] {
        let got = verify_object(&fapi, PUSHED, &Params::default(), Ok(verified(typ, good())));
        assert!(got.is_ok(), "typ {typ:?}");
    }
    for typ in ["dpop+jwt", "at+jwt", "logout+jwt", "secevent+jwt"] {
        let got = verify_object(&fapi, PUSHED, &Params::default(), Ok(verified(Some(typ), good()))).map_err(|r| r.code);
        assert_eq!(got.err(), Some(ErrorCode::InvalidRequestObject), "RFC 8725 3.11: {typ}");
    }
    // OpenID Connect Core §6.1 leaves these open.
    let oidc = client(OIDC, &json!({}));
    let bare = json!({"aud": null, "iss": null, "exp": null, "nbf": null});
    assert!(pushed(&oidc, with(&bare)).is_ok());
    assert!(pushed(&oidc, with(&json!({"exp": 999_989}))).is_err(), "but what is said is held to");
    assert!(pushed(&oidc, with(&json!({"aud": "https://else.example"}))).is_err());
}

#[test]
fn by_value_openid_connects_own_kind_supersedes_what_stands_outside() {
    let registered = json!({"request_object_signing_alg": "ES256"});
    let oidc = client(OIDC, &registered);
    let mut outside = params(&[("state", Some("outside")), ("nonce", Some("outside"))]);
    outside.set("request", "the object");
    let open = |client: &Client, typ, change: &Value| {
        verify_object(client, RequestSource::Browser, &outside, Ok(verified(typ, with(change))))
    };
    let merged = open(&oidc, None, &json!({})).unwrap();
    assert_eq!((merged.get("state"), merged.get("nonce")), (Some("inside"), Some("outside")), "Core 6.1");
    assert_eq!(merged.get("request"), None);
    assert!(open(&oidc, None, &json!({"client_id": null})).is_ok(), "Core 6.1: it stands outside");
    let differs = open(&oidc, None, &json!({"response_type": "token"})).map_err(|r| r.code);
    assert_eq!(differs.err(), Some(ErrorCode::InvalidRequestObject), "Core 6.1: the same inside and outside");

    let typed = open(&oidc, Some("oauth-authz-req+jwt"), &json!({})).unwrap();
    assert_eq!(typed.get("nonce"), None, "RFC 9101 5: of this kind, only what is inside counts");
    let keys = "https://app.example/jwks";
    let must = client(OIDC, &json!({"require_signed_request_object": true, "jwks_uri": keys}));
    assert_eq!(open(&must, None, &json!({})).unwrap().get("nonce"), None, "RFC 9101 10.5");
}

#[test]
fn algorithms_are_the_profiles_or_the_registered_one() {
    let of = |profile, more: Value| super::super::object::allowed(&client(profile, &more));
    assert_eq!(of("fapi2", json!({})), Alg::FAPI);
    assert_eq!(of(OIDC, json!({})), Alg::ALL);
    assert_eq!(of("fapi2", json!({"request_object_signing_alg": "PS256"})), [Alg::Ps256]);
}

proptest! {
    /// Whatever a client signs is decided, and only its own words come out.
    #[test]
    fn any_object_is_decided(name in "[a-z_]{1,12}|prompt|claims|resource|max_age|state", text in any::<String>(), n in any::<f64>()) {
        for value in [json!(text), json!(n), json!([text]), json!({"a": text}), json!(true)] {
            let claims = with(&json!({name.as_str(): value}));
            match pushed(&client("fapi2", &json!({})), claims.clone()) {
                Ok(params) => prop_assert!(params.iter().all(|(n, v)| claims.contains_key(n) && !v.contains('\0'))),
                Err(refusal) => prop_assert_eq!(refusal.code, ErrorCode::InvalidRequestObject),
            }
        }
    }
}
