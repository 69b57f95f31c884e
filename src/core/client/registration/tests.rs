//! What a record from outside may say, which change wants a look, which statement counts.

use super::statement::{Trust, apply};
use super::{judge, opens};
use crate::client::metadata::{Rules, document};
use crate::client::{AuthMethod, Client, Profile, Status};
use crate::clock::Instant;
use crate::id::ClientId;
use crate::keys::SigningKey;
use crate::keys::jose::{Alg, sign};
use crate::network::Network;
use crate::refusal::{ErrorCode, Refusal};
use crate::scope::Scope;
use serde_json::{Map, Value, json};
use std::time::Duration;

const NOW: Instant = Instant::from_millis(1_795_300_000_000);

fn rules() -> Rules {
    Rules {
        scopes: Scope::parse("openid accounts transactions offline_access"),
        grant_lifetime: Duration::from_secs(30 * 86_400),
        detail_types: Some(vec!["account_information".into()]),
        loopback_http: false,
        methods: AuthMethod::ALL,
        signing: None,
        weak_secrets: true,
    }
}
fn app() -> Value {
    json!({
        "client_name": "家計簿", "redirect_uris": ["https://app.example/cb"], "scope": "accounts",
        "jwks_uri": "https://app.example/jwks",
    })
}
fn with(record: &Value, members: &[(&str, Value)]) -> Map<String, Value> {
    let mut map = record.as_object().unwrap().clone();
    map.extend(members.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    map
}
fn new(sent: &Map<String, Value>, profile: Option<Profile>) -> Result<Client, Refusal> {
    judge(sent, (ClientId::parse("new").unwrap(), profile), None, &rules(), NOW)
}
fn judge_update(sent: &Map<String, Value>, standing: &Client) -> Result<Client, Refusal> {
    judge(sent, (standing.id.clone(), None), Some(standing), &rules(), NOW)
}

#[test]
fn what_only_the_institution_sets_is_refused_from_outside() {
    for (name, value) in [
        ("status", json!("suspended")),
        ("status", json!("active")),
        ("resources", json!(["accounts-api"])),
        ("access_token_lifetime", json!("1d")),
        ("grant_lifetime", json!("1d")),
        ("require_pkce", json!(false)),
        ("proofing_memory", json!("10m")),
        ("allow_networks", json!(["10.1.0.0/16"])),
        ("allow_networks", json!(["not even one"])),
        ("pushed_requests", json!(1000)),
        ("answers_per_second", json!(1000)),
        ("answers_burst", json!(1000)),
        ("profile", json!("oidc")),
        ("profile", json!("resource_server")),
        ("refresh_tokens", json!(true)),
        ("provider", json!({"registration_number": "関東財務局長(電代)第1号"})),
    ] {
        let refusal = new(&with(&app(), &[(name, value)]), None).unwrap_err();
        assert_eq!(refusal.code, ErrorCode::InvalidClientMetadata, "{name}");
        assert!(refusal.description.contains("only the institution"), "{name}: {refusal}");
    }
    // What holds anyway may be said; what means nothing here is ignored (RFC 7591 §2); null is absent.
    for (name, value) in [
        ("require_pkce", json!(true)),
        ("access_token_lifetime", json!("30d")),
        ("profile", json!("fapi2")),
        ("profile", json!("fapi2_message_signing")),
        ("provider", json!({"name": "株式会社家計簿"})),
        ("sector_identifier_uri", json!("https://10.0.0.1/")),
        ("status", Value::Null),
    ] {
        assert!(new(&with(&app(), &[(name, value.clone())]), None).is_ok(), "{name}: {value}");
    }
}

#[test]
fn the_token_decides_the_profile() {
    let oidc = with(&app(), &[("profile", json!("oidc"))]);
    assert_eq!(new(&oidc, Some(Profile::Oidc)).unwrap().profile, Profile::Oidc);
    assert_eq!(new(&with(&app(), &[]), Some(Profile::Oidc)).unwrap().profile, Profile::Oidc);
    assert!(new(&oidc, Some(Profile::Fapi2)).is_err());
    assert!(new(&with(&app(), &[("profile", json!("fapi2"))]), Some(Profile::Oidc)).is_err());
    assert_eq!(new(&with(&app(), &[]), None).unwrap().profile, Profile::Fapi2);
}

#[test]
fn an_app_may_send_back_what_it_was_told_and_keeps_what_the_institution_set() {
    let mut standing = new(&with(&app(), &[]), None).unwrap();
    standing.status = Status::Active;
    standing.access_token_lifetime = Duration::from_secs(3600);
    standing.resources = vec!["accounts-api".into()];
    standing.pushed_requests = Some(1000);
    standing.answers_burst = Some(500);
    standing.allow_networks = vec![Network::parse("10.1.0.0/16").unwrap()];
    standing.provider.registration_number = Some("関東財務局長(電代)第1号".into());
    standing.provider.name = Some("株式会社家計簿".into());
    let told = document(&standing);
    let back = judge_update(told.as_object().unwrap(), &standing).unwrap();
    assert_eq!(document(&back), told);
    // Omitted: its own members are gone, the institution's stay (RFC 7592 §2.2).
    let bare = judge_update(&with(&app(), &[]), &standing).unwrap();
    assert_eq!((bare.provider.name, bare.access_token_lifetime.as_secs()), (None, 3600));
    assert_eq!(bare.provider.registration_number, standing.provider.registration_number);
    assert_eq!((bare.resources, bare.status), (standing.resources.clone(), Status::Active));
    assert_eq!(bare.allow_networks, standing.allow_networks);
    assert_eq!((bare.pushed_requests, bare.answers_per_second, bare.answers_burst), (Some(1000), None, Some(500)));
    for (name, value) in [
        ("allow_networks", json!(["10.0.0.0/8"])),
        ("allow_networks", json!([])),
        ("pushed_requests", json!(1001)),
        ("answers_per_second", json!(20)),
        ("access_token_lifetime", json!("30d")),
        ("status", json!("suspended")),
        ("profile", json!("oidc")),
        ("provider", json!({"registration_number": "関東財務局長(電代)第2号"})),
    ] {
        assert!(judge_update(&with(&app(), &[(name, value)]), &standing).is_err(), "{name}");
    }
    // Refresh tokens follow grant_types, both ways.
    let types = json!(["authorization_code", "refresh_token"]);
    let more = judge_update(&with(&app(), &[("grant_types", types)]), &standing).unwrap();
    assert!(more.refresh_tokens);
    assert!(!judge_update(&with(&app(), &[]), &more).unwrap().refresh_tokens);
}

#[test]
fn which_change_wants_a_look() {
    let both = [
        ("redirect_uris", json!(["https://app.example/cb", "https://app.example/2"])),
        ("scope", json!("openid accounts")),
        ("grant_types", json!(["authorization_code", "refresh_token"])),
        ("contacts", json!(["a@app.example"])),
    ];
    let standing = new(&with(&app(), &both), None).unwrap();
    for (members, want, why) in [
        (vec![], false, "nothing"),
        (vec![("contacts", json!(["b@app.example"]))], false, "whom to write to"),
        (vec![("software_version", json!("2.0"))], false, "a version"),
        (vec![("redirect_uris", json!(["https://app.example/2"]))], false, "one address less"),
        (vec![("scope", json!("accounts"))], false, "less scope"),
        (vec![("grant_types", json!(["authorization_code"]))], false, "no refresh tokens"),
        (vec![("require_auth_time", json!(true))], false, "more demanded of us"),
        (vec![("redirect_uris", json!(["https://app.example/3"]))], true, "another address"),
        (vec![("scope", json!("openid accounts transactions"))], true, "more scope"),
        (vec![("client_name", json!("みなと信用組合"))], true, "another name"),
        (vec![("client_name#en", json!("Minato"))], true, "another name in English"),
        (vec![("logo_uri", json!("https://app.example/logo"))], true, "what customers see"),
        (vec![("provider", json!({"name": "x"}))], true, "who it is"),
        (vec![("jwks_uri", json!("https://other.example/jwks"))], true, "other keys"),
        (vec![("token_endpoint_auth_signing_alg", json!("PS256"))], true, "another algorithm"),
        (vec![("grant_types", json!(["authorization_code", "client_credentials"]))], true, "another grant type"),
        (vec![("id_token_signed_response_alg", json!("PS256"))], true, "whatever is not known to be harmless"),
    ] {
        let wanted = judge_update(&with(&json!(app()), &[&both[..], &members[..]].concat()), &standing).unwrap();
        assert_eq!(opens(&standing, &wanted), want, "{why}");
    }
}

#[test]
fn which_software_statement_counts() {
    let (good, other) = (SigningKey::generate(Alg::Es256).unwrap(), SigningKey::generate(Alg::Es256).unwrap());
    let trust = Trust { issuers: vec!["https://directory.example".into()], keys: vec![good.public().clone()] };
    let claims = |members: &[(&str, Value)]| {
        let base = json!({"iss": "https://directory.example", "iat": NOW.secs(), "software_id": "kakeibo-1"});
        Value::Object(with(&base, members))
    };
    let run = |statement: Value, trust: &Trust| {
        let mut sent = with(&app(), &[("software_statement", statement), ("software_id", json!("another"))]);
        apply(&mut sent, trust, None, NOW).map(|text| (sent, text)).map_err(|r| r.code)
    };
    let signed = |key: &SigningKey, members: &[(&str, Value)]| json!(sign(key, None, &claims(members)).unwrap());

    let right = signed(&good, &[]);
    let (sent, text) = run(right.clone(), &trust).unwrap();
    assert_eq!((sent["software_id"].clone(), text.map(Value::from)), (json!("kakeibo-1"), Some(right.clone())));
    assert!(!sent.contains_key("iss") && !sent.contains_key("software_statement"));
    let (bad, unapproved) = (ErrorCode::InvalidSoftwareStatement, ErrorCode::UnapprovedSoftwareStatement);
    let (head, rest) = right.as_str().unwrap().split_once('.').unwrap();
    let (_, signature) = rest.split_once('.').unwrap();
    let forged = crate::secret::base64url(claims(&[("software_id", json!("x"))]).to_string());
    let unsigned = crate::secret::base64url(r#"{"alg":"none"}"#);
    for (statement, want, why) in [
        (json!("no jwt"), bad, "no JWT"),
        (json!({"iss": "https://directory.example"}), bad, "not text"),
        (signed(&good, &[("iss", Value::Null)]), bad, "no issuer"),
        (signed(&good, &[("iss", json!("https://stranger.example"))]), unapproved, "a stranger's"),
        (signed(&other, &[]), bad, "another key"),
        (json!(format!("{head}.{forged}.{signature}")), bad, "changed"),
        (json!(format!("{unsigned}.{rest}")), bad, "alg none"),
        (signed(&good, &[("exp", json!(NOW.secs()))]), bad, "expired"),
        (signed(&good, &[("nbf", json!(NOW.secs() + 3600))]), bad, "of the future"),
        (signed(&good, &[("exp", json!("tomorrow"))]), bad, "a date that is none"),
    ] {
        assert_eq!(run(statement, &trust).map(|_| ()), Err(want), "{why}");
    }
    let over = signed(&good, &[("exp", json!(NOW.secs()))]);
    let mut sent = with(&app(), &[("software_statement", over.clone())]);
    assert!(apply(&mut sent, &trust, over.as_str(), NOW).is_ok(), "the one it came with may be sent back later");
    assert_eq!(run(right, &Trust::default()).map(|_| ()), Err(unapproved), "no trust is configured");
    assert!(run(Value::Null, &trust).unwrap().1.is_none());
}

#[test]
fn a_record_is_read_strictly() {
    for (text, good, why) in [
        (r#"{"a":[1,-1,1.5,"x",null,true,{"b":{}}]}"#, true, "every kind of value"),
        (" {\n} ", true, "white space"),
        (r#"{"a":[[[[[1]]]]]}"#, true, "six deep"),
        (r#"{"a":[[[[[[1]]]]]]}"#, false, "seven deep"),
        (r#"{"a":1,"a":1}"#, false, "twice, even the same"),
        (r#"{"a":1,"\u0061":2}"#, false, "twice, written otherwise"),
        (r#"{"a":{"b":1,"b":2}}"#, false, "twice, further in"),
        (r#"{"a":1} {}"#, false, "more than one"),
        (r#"[{"a":1}]"#, false, "a list"),
        ("", false, "nothing"),
        ("{'a':1}", false, "not JSON"),
    ] {
        assert_eq!(super::json::parse(text.as_bytes()).is_some(), good, "{why}: {text}");
    }
    let text = r#"{"a":[1,-1,1.5,"x",null,true,{"b":{}}]}"#;
    let read = super::json::parse(text.as_bytes()).map(Value::Object);
    assert_eq!(read, serde_json::from_str::<Value>(text).ok(), "and as anybody reads it");
    assert_eq!(super::json::parse("[".repeat(100_000).as_bytes()), None);
}
