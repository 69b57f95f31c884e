//! What a client record may say, and how a wrong one is refused.

use super::*;
use crate::authorize::rules::catalogue;
use crate::client::metadata::Rules;
use crate::client::metadata::{client_id, document, unknown_members};
use crate::client::{AuthMethod, ClientKeys, GrantType, MOST_NETWORKS, Profile, Provider, SecretKey, prepare};
use crate::keys::jose::Alg;
use crate::language::Language;
use crate::refusal::ErrorCode;
use proptest::prelude::*;

pub(super) fn with(mut base: Value, changes: &[(&str, Value)]) -> Value {
    for (name, value) in changes {
        base[*name] = value.clone();
    }
    base
}

fn key() -> SigningKey {
    SigningKey::generate(Alg::Es256).unwrap()
}

#[test]
fn a_new_client_is_a_fapi_client() {
    let client = client_of(&fapi(&[&key()]));
    assert_eq!((client.profile, client.auth_method), (Profile::Fapi2, AuthMethod::PrivateKeyJwt));
    assert!(client.require_par && client.require_pkce && client.dpop_bound && !client.require_signed_request);
    assert_eq!((client.id_token_alg, client.refresh_tokens), (Alg::Es256, false));
    assert_eq!(client.grant_types, [GrantType::AuthorizationCode]);
    assert_eq!(client.scope, Scope::parse("accounts openid transactions").unwrap(), "all but offline_access");
    assert_eq!(client.access_token_lifetime, Duration::from_secs(2_592_000));
    assert_eq!(client.grant_lifetime, Duration::from_secs(2_592_000));
    let client = client_of(&oidc());
    assert_eq!((client.auth_method, client.id_token_alg), (AuthMethod::ClientSecretBasic, Alg::Rs256));
    assert!(client.require_pkce && !client.require_par && !client.dpop_bound);
    assert!(!client_of(&with(oidc(), &[("require_pkce", json!(false))])).require_pkce);
    assert!(client_of(&with(fapi(&[&key()]), &[("profile", json!("fapi2_message_signing"))])).require_signed_request);
}

#[test]
fn every_wrong_member_is_named() {
    let fapi = fapi(&[&key()]);
    let rs = json!({"client_name": "R", "profile": "resource_server", "resources": ["https://api.example"]});
    for (record, member) in [
        (json!([]), "the record"),
        (with(fapi.clone(), &[("profile", json!("fapi1"))]), "profile"),
        (with(fapi.clone(), &[("client_name", json!(""))]), "client_name"),
        (with(fapi.clone(), &[("client_name", Value::Null)]), "client_name"),
        (with(fapi.clone(), &[("client_name", json!("a\u{7}b"))]), "client_name"),
        (with(fapi.clone(), &[("client_name", json!("moc.\u{202e}ocerc"))]), "client_name"),
        (with(fapi.clone(), &[("client_name", json!("cre\u{200b}co"))]), "client_name"),
        (with(fapi.clone(), &[("client_name", json!("\u{feff}"))]), "client_name"),
        (with(fapi.clone(), &[("client_name#", json!("x"))]), "client_name#"),
        (with(fapi.clone(), &[("token_endpoint_auth_method", json!("none"))]), "token_endpoint_auth_method"),
        (
            with(fapi.clone(), &[("token_endpoint_auth_method", json!("client_secret_jwt"))]),
            "token_endpoint_auth_method",
        ),
        (
            with(fapi.clone(), &[("token_endpoint_auth_method", json!("client_secret_basic"))]),
            "token_endpoint_auth_method",
        ),
        (with(fapi.clone(), &[("token_endpoint_auth_signing_alg", json!("RS256"))]), "token_endpoint_auth_signing_alg"),
        (with(fapi.clone(), &[("id_token_signed_response_alg", json!("RS256"))]), "id_token_signed_response_alg"),
        (with(fapi.clone(), &[("id_token_signed_response_alg", json!("none"))]), "id_token_signed_response_alg"),
        (
            with(fapi.clone(), &[("introspection_signed_response_alg", json!("RS256"))]),
            "introspection_signed_response_alg",
        ),
        (
            with(fapi.clone(), &[("id_token_encrypted_response_alg", json!("RSA-OAEP"))]),
            "id_token_encrypted_response_alg",
        ),
        (with(fapi.clone(), &[("grant_types", json!(["implicit"]))]), "grant_types"),
        (with(fapi.clone(), &[("grant_types", json!("authorization_code"))]), "grant_types"),
        (with(fapi.clone(), &[("response_types", json!(["code", "token"]))]), "response_types"),
        (with(fapi.clone(), &[("response_types", json!(["code id_token"]))]), "response_types"),
        (with(fapi.clone(), &[("subject_type", json!("public"))]), "subject_type"),
        (with(fapi.clone(), &[("require_pkce", json!(false))]), "require_pkce"),
        (with(fapi.clone(), &[("dpop_bound_access_tokens", json!(false))]), "dpop_bound_access_tokens"),
        (
            with(fapi.clone(), &[("require_pushed_authorization_requests", json!(false))]),
            "require_pushed_authorization_requests",
        ),
        (with(fapi.clone(), &[("require_pkce", json!("yes"))]), "require_pkce"),
        (with(fapi.clone(), &[("scope", json!("admin"))]), "scope"),
        (with(fapi.clone(), &[("scope", json!("a\"b"))]), "scope"),
        (with(fapi.clone(), &[("scope", json!(["openid"]))]), "scope"),
        (with(fapi.clone(), &[("jwks", json!({"keys": []}))]), "jwks"),
        (with(fapi.clone(), &[("jwks", Value::Null)]), "jwks"),
        (with(fapi.clone(), &[("jwks_uri", json!("https://app.example/jwks"))]), "jwks_uri"),
        (with(fapi.clone(), &[("jwks", Value::Null), ("jwks_uri", json!("http://app.example/jwks"))]), "jwks_uri"),
        (with(fapi.clone(), &[("jwks", Value::Null), ("jwks_uri", json!("http://localhost/jwks"))]), "jwks_uri"),
        (with(fapi.clone(), &[("logo_uri", json!("javascript:alert(1)"))]), "logo_uri"),
        (with(fapi.clone(), &[("tos_uri", json!("https://u:p@app.example/"))]), "tos_uri"),
        (with(fapi.clone(), &[("provider", json!("x"))]), "provider"),
        (with(fapi.clone(), &[("provider", json!({"terms_uri": "ftp://x"}))]), "provider.terms_uri"),
        (with(fapi.clone(), &[("access_token_lifetime", json!("1 month"))]), "access_token_lifetime"),
        (with(fapi.clone(), &[("access_token_lifetime", json!("1s"))]), "access_token_lifetime"),
        (with(fapi.clone(), &[("access_token_lifetime", json!("60500ms"))]), "access_token_lifetime"),
        (with(fapi.clone(), &[("access_token_lifetime", json!(-1))]), "access_token_lifetime"),
        (with(fapi.clone(), &[("grant_lifetime", json!("31d"))]), "grant_lifetime"),
        (with(fapi.clone(), &[("proofing_memory", json!("16m"))]), "proofing_memory"),
        (with(fapi.clone(), &[("proofing_memory", json!("0s"))]), "proofing_memory"),
        (with(fapi.clone(), &[("allow_networks", json!("10.1.0.0/16"))]), "allow_networks"),
        (with(fapi.clone(), &[("allow_networks", json!(["10.1.0.0/33"]))]), "allow_networks"),
        (with(fapi.clone(), &[("allow_networks", json!(["app.example"]))]), "allow_networks"),
        (with(fapi.clone(), &[("allow_networks", json!(vec!["10.0.0.1"; MOST_NETWORKS + 1]))]), "allow_networks"),
        (with(fapi.clone(), &[("pushed_requests", json!(0))]), "pushed_requests"),
        (with(fapi.clone(), &[("pushed_requests", json!(100_001))]), "pushed_requests"),
        (with(fapi.clone(), &[("answers_per_second", json!("20"))]), "answers_per_second"),
        (with(fapi.clone(), &[("answers_per_second", json!(0.5))]), "answers_per_second"),
        (with(fapi.clone(), &[("answers_burst", json!(-1))]), "answers_burst"),
        (with(fapi.clone(), &[("grant_lifetime", json!("999999999999999999999d"))]), "grant_lifetime"),
        (
            with(fapi.clone(), &[("grant_types", json!(["refresh_token"])), ("refresh_tokens", json!(false))]),
            "refresh_tokens",
        ),
        (with(fapi.clone(), &[("authorization_details_types", json!(["payment"]))]), "authorization_details_types"),
        (with(fapi.clone(), &[("default_max_age", json!("10"))]), "default_max_age"),
        (with(fapi.clone(), &[("status", json!("gone"))]), "status"),
        (with(fapi.clone(), &[("contacts", json!([1]))]), "contacts"),
        (with(fapi.clone(), &[("contacts", json!(["a@app.example\u{9b}2J"]))]), "contacts"),
        (with(fapi.clone(), &[("contacts", json!(["a@\u{202e}elpmaxe.ppa"]))]), "contacts"),
        (with(fapi.clone(), &[("client_name", json!("\u{3164}"))]), "client_name"),
        (with(fapi.clone(), &[("client_name", json!("かけ\u{ad}いぼ"))]), "client_name"),
        (with(fapi.clone(), &[("client_name", json!("Kakeibo\u{e0041}"))]), "client_name"),
        (with(fapi.clone(), &[("policy_uri", json!("https:link/policy"))]), "policy_uri"),
        (with(fapi.clone(), &[("provider", json!({"terms_uri": "https:\\\\evil.example"}))]), "provider.terms_uri"),
        (with(fapi.clone(), &[("provider", json!({"downstream": "x"}))]), "provider.downstream"),
        (with(fapi.clone(), &[("provider", json!({"downstream": ["x"]}))]), "provider.downstream"),
        (with(fapi.clone(), &[("provider", json!({"downstream": [{"name": "x"}]}))]), "provider.downstream.purpose"),
        (
            with(fapi.clone(), &[("provider", json!({"downstream": [{"name": "", "purpose": "x"}]}))]),
            "provider.downstream.name",
        ),
        (
            with(fapi.clone(), &[("provider", json!({"downstream": vec![json!({"name": "x", "purpose": "y"}); 21]}))]),
            "provider.downstream",
        ),
        (with(fapi, &[("contacts", json!(vec!["x"; 65]))]), "contacts"),
        (with(rs.clone(), &[("resources", json!([]))]), "resources"),
        (with(rs.clone(), &[("resources", json!(["https://api.example#x"]))]), "resources"),
        (with(rs.clone(), &[("resources", json!(["no uri"]))]), "resources"),
        (with(rs.clone(), &[("resources", json!(["https://api.example/a b"]))]), "resources"),
        (with(rs.clone(), &[("resources", json!([" https://api.example"]))]), "resources"),
        (with(rs.clone(), &[("grant_types", json!(["authorization_code"]))]), "grant_types"),
        (with(rs, &[("response_types", json!(["code"]))]), "response_types"),
    ] {
        let refusal =
            parse(&record, ClientId::parse("app").unwrap(), &rules(), NOW).map(|_| record.clone()).unwrap_err();
        assert_eq!(refusal.code, ErrorCode::InvalidClientMetadata, "{member}: {refusal}");
        assert!(refusal.description.starts_with(&format!("{member}: ")), "wanted {member}, got: {refusal}");
    }
}

#[test]
fn a_redirect_uri_has_at_most_2000_characters() {
    let of = |length: usize| format!("https://app.example/{}", "a".repeat(length - 20));
    for (length, want) in [(1999, Ok(())), (2000, Ok(())), (2001, Err(ErrorCode::InvalidRedirectUri))] {
        let record = with(oidc(), &[("redirect_uris", json!([of(length)]))]);
        let got = parse(&record, ClientId::parse("app").unwrap(), &rules(), NOW).map(drop).map_err(|r| r.code);
        assert_eq!(got, want, "{length} characters");
    }
}

#[test]
fn wrong_redirect_uris_have_their_own_code() {
    let rules_in = |loopback_http| Rules { loopback_http, ..rules() };
    let refused = |uris: Value, loopback| {
        let record = with(oidc(), &[("redirect_uris", uris)]);
        parse(&record, ClientId::parse("app").unwrap(), &rules_in(loopback), NOW).err().map(|r| r.code)
    };
    for (uri, why) in [
        ("", "empty"),
        ("/cb", "relative"),
        ("https://app.example/cb#f", "a fragment"),
        ("https://app.example/cb#", "an empty fragment"),
        ("https:app.example/cb", "no authority"),
        ("https:///cb", "no host"),
        ("https://u@app.example/cb", "a user name"),
        ("https://app.example\\@evil.example/", "a backslash"),
        ("https://*.app.example/cb", "a wildcard"),
        ("https://app.example/a/../cb", "dots"),
        ("https://app.example/%2e%2e/cb", "dots that a browser reads as dots"),
        ("https://app.example/a/.%2E/cb", "half of them"),
        ("https://app.example/a/%2E", "one of them"),
        ("https://app.example/c b", "a space"),
        ("https://app.example/\u{e9}", "not ASCII"),
        ("https://app.example/cb?code=x", "a parameter of ours"),
        ("https://app.example/cb?a=1&iss=x", "a parameter of ours"),
        ("http://app.example/cb", "http"),
        ("http://localhost.evil.example/cb", "not loopback"),
        ("com.example.app:/cb", "a private scheme"),
        ("javascript:alert(1)", "a script"),
        ("https:evil.example/cb", "no slashes"),
        ("https:/evil.example?https://app.example/cb", "slashes only in the query"),
        ("data:text/html,x", "data"),
    ] {
        assert_eq!(refused(json!([uri]), true), Some(ErrorCode::InvalidRedirectUri), "{why}: {uri}");
    }
    for uri in ["http://localhost:8081/cb", "http://127.0.0.1:9999/callback", "http://[::1]:1/cb"] {
        assert_eq!(refused(json!([uri]), true), None, "{uri}");
        assert_eq!(refused(json!([uri]), false), Some(ErrorCode::InvalidRedirectUri), "{uri} in production");
    }
    assert_eq!(refused(json!(["https://app.example/cb?tenant=1"]), false), None);
    assert_eq!(refused(json!([]), true), Some(ErrorCode::InvalidRedirectUri));
    assert_eq!(refused(json!("https://app.example/cb"), true), Some(ErrorCode::InvalidRedirectUri));
    assert_eq!(refused(json!(["https://a.example/", "https://a.example/"]), true), Some(ErrorCode::InvalidRedirectUri));
    let rs = json!({"client_name": "R", "profile": "resource_server", "resources": ["x"], "redirect_uris": ["https://a.example/"]});
    let refusal = parse(&rs, ClientId::parse("r").unwrap(), &rules(), NOW).unwrap_err();
    assert_eq!(refusal.code, ErrorCode::InvalidRedirectUri);
}

#[test]
fn the_shape_of_a_kanji_may_be_chosen() {
    let record = with(oidc(), &[("client_name", json!("葛\u{e0100}城しんきん家計簿"))]);
    let client = parse(&record, ClientId::parse("app").unwrap(), &rules(), NOW).unwrap();
    assert_eq!(client.name, "葛\u{e0100}城しんきん家計簿");
}

#[test]
fn a_record_reads_back_as_it_was_written() {
    let downstream = json!([{"name": "株式会社集計", "purpose": "家計の分析"}]);
    let full = json!({
        "client_id": "app", "profile": "oidc", "client_name": "かけいぼ", "client_name#en": "Kakeibo",
        "client_uri": "https://app.example/", "logo_uri": "https://app.example/l.png",
        "policy_uri": "https://app.example/p", "tos_uri": "https://app.example/t", "contacts": ["a@app.example"],
        "software_id": "s", "software_version": "1", "redirect_uris": ["https://app.example/cb"],
        "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
        "scope": "openid accounts", "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": "PS256", "jwks_uri": "https://app.example/jwks", "require_pkce": false,
        "dpop_bound_access_tokens": true, "request_object_signing_alg": "ES256",
        "id_token_signed_response_alg": "EdDSA", "userinfo_signed_response_alg": "RS256", "default_max_age": 60,
        "require_auth_time": true, "authorization_details_types": ["account_information"],
        "access_token_lifetime": "12h", "grant_lifetime": 90, "proofing_memory": "10m", "resources": ["https://api.example"],
        "allow_networks": ["10.1.0.0/16", "fd00::/8", "192.168.7.1"],
        "pushed_requests": 1000, "answers_per_second": 50, "answers_burst": 100_000,
        "provider": {"name": "株式会社", "registration_number": "関東財務局長(電代)第1号", "contact": "03",
            "terms_uri": "https://app.example/terms", "disclosure_uri": "https://app.example/d",
            "downstream": downstream}
    });
    assert_eq!(unknown_members(&full), Vec::<String>::new());
    let client = client_of(&full);
    assert_eq!(client.keys, ClientKeys::Remote("https://app.example/jwks".into()));
    assert_eq!(client.names["en"], "Kakeibo");
    assert_eq!((client.name_in(Language::En), client.name_in(Language::Ja)), ("Kakeibo", "かけいぼ"));
    let written = document(&client);
    assert_eq!((&written["access_token_lifetime"], &written["grant_lifetime"]), (&json!("12h"), &json!("90s")));
    assert_eq!(format!("{:?}", client_of(&written)), format!("{client:?}"));
    for (name, value) in full.as_object().unwrap() {
        if !["grant_lifetime", "scope"].contains(&name.as_str()) {
            assert_eq!(&written[name], value, "{name}");
        }
    }
    assert_eq!(unknown_members(&written), Vec::<String>::new());
    assert_eq!(unknown_members(&json!({"redirect_uri": "x", "_comment": "y"})), ["redirect_uri"]);
    let rs = json!({"client_name": "R", "profile": "resource_server", "resources": ["accounts-api"]});
    let rs = client_of(&rs);
    assert_eq!(format!("{:?}", client_of(&document(&rs))), format!("{rs:?}"));
    assert_eq!((rs.scope.is_empty(), rs.is_app(), rs.provider), (true, false, Provider::default()));
}

#[test]
fn secrets_are_taken_or_made() {
    let (random, key) = (SeededRandom::new(3), SecretKey::new([1; 32].into()));
    let prepare = |record: &Value, keep| prepare(record, &rules(), keep, &key, &random, NOW);
    let made = prepare(&oidc(), false).unwrap();
    let shown = made.secret.unwrap();
    assert_eq!(shown.reveal().len(), 43);
    assert_eq!(made.client.secret, Some(key.to_stored(&shown)));
    let taken = prepare(&with(oidc(), &[("client_secret", json!("kakeibo-secret"))]), false).unwrap();
    assert!(taken.secret.is_none(), "never shown again");
    assert_eq!(taken.client.secret, Some(key.to_stored(&Secret::new("kakeibo-secret"))), "kept like one that was made");
    assert!(!document(&taken.client).to_string().contains("secret\":"));
    let kept = prepare(&oidc(), true).unwrap();
    assert!(kept.secret.is_none() && kept.client.secret.is_none());
    for secret in [json!("short"), json!(12_345_678), json!("x".repeat(513)), json!("")] {
        assert!(prepare(&with(oidc(), &[("client_secret", secret)]), false).is_err());
    }
    assert!(prepare(&with(fapi(&[&self::key()]), &[("client_secret", json!("long enough"))]), false).is_err());
    let mut nameless = oidc();
    nameless.as_object_mut().unwrap().remove("client_id");
    assert_eq!(prepare(&nameless, false).unwrap().client.id.as_str().len(), 22);
    for bad in [json!("a b"), json!(""), json!(7)] {
        assert!(client_id(&json!({"client_id": bad})).is_err());
    }
}

/// A record asks only for what the server signs with (`keys.algorithms`), and what it does not name is one of these.
#[test]
fn a_record_asks_for_signatures_that_the_server_makes() {
    use crate::keys::jose::Alg;
    let with_algs = |algs: &[Alg]| Rules { signing: Some(algs.to_vec()), ..rules() };
    let read = |record: &Value, algs: &[Alg]| parse(record, ClientId::parse("a").unwrap(), &with_algs(algs), NOW);
    let fapi = fapi(&[&self::key()]);
    for name in [
        "id_token_signed_response_alg",
        "userinfo_signed_response_alg",
        "introspection_signed_response_alg",
        "authorization_signed_response_alg",
    ] {
        let record = with(fapi.clone(), &[(name, json!("EdDSA"))]);
        let why = read(&record, &Alg::SIGNING).unwrap_err();
        assert!(why.description.starts_with(name), "{why}");
        assert!(read(&record, &Alg::ALL).is_ok(), "{name}");
    }
    let theirs = with(fapi.clone(), &[("token_endpoint_auth_signing_alg", json!("EdDSA"))]);
    assert!(read(&theirs, &Alg::SIGNING).is_ok(), "what the client signs with is its own choice");
    for (record, algs, want) in [
        (&fapi, &Alg::SIGNING[..], Ok(Alg::Es256)),
        (&fapi, &[Alg::Rs256, Alg::Ps256], Ok(Alg::Ps256)),
        (&fapi, &[Alg::Rs256], Err(())),
        (&oidc(), &Alg::SIGNING, Ok(Alg::Rs256)),
    ] {
        let read = read(record, algs).map_err(drop);
        let answers = read.as_ref().ok().and_then(|client| client.authorization_response_alg);
        assert_eq!(answers, want.ok().filter(|alg| *alg == Alg::Ps256), "{algs:?}: JARM's default cannot be made");
        assert_eq!(read.map(|client| client.id_token_alg), want, "{algs:?}");
    }
}

/// Decision 7: what is brought along into production is nothing that anybody guesses.
#[test]
fn weak_secrets_are_refused_in_production() {
    let (random, key) = (SeededRandom::new(3), SecretKey::new([1; 32].into()));
    let taken = |secret: &str, weak_secrets: bool| {
        let rules = Rules {
            loopback_http: false,
            scopes: Some(catalogue()),
            grant_lifetime: Duration::from_secs(30 * 86_400),
            detail_types: None,
            methods: AuthMethod::ALL,
            signing: None,
            weak_secrets,
        };
        prepare(&with(oidc(), &[("client_secret", json!(secret))]), &rules, false, &key, &random, NOW)
            .map(|prepared| assert_eq!(prepared.client.secret, Some(key.to_stored(&Secret::new(secret)))))
            .map_err(|refusal| (refusal.code, refusal.description.into_owned()))
    };
    let short = "client_secret: is too short; wanted are at least 22 characters, at least 10 of them different";
    let few = "client_secret: repeats too few characters; wanted are at least 10 different ones";
    let known = "client_secret: is a secret of the demo";
    for (secret, why) in [
        ("kakeibo-secret", known),
        ("accounts-api-secret", known),
        ("", short),
        ("hunter22", short),
        ("abcdefghijklmnopqrstu", short),
        ("家計簿の秘密は七文字", short),
        ("abcdefghiabcdefghiabcd", few),
        (&"x".repeat(400), few),
        (&"あいうえおかきくけ".repeat(3), few),
        (&"abcdefghij".repeat(52), "client_secret: is too long; wanted are at most 512 bytes"),
    ] {
        let (code, told) = taken(secret, false).unwrap_err();
        assert_eq!(code, ErrorCode::InvalidClientMetadata, "{secret}");
        assert!(told.starts_with(why), "{secret}: {told}");
        assert!(secret.len() < 8 || !told.contains(secret), "a refusal does not repeat the secret: {told}");
    }
    for secret in ["abcdefghijabcdefghijab", "0123456789012345678901", &"あいうえおかきくけこ".repeat(3)] {
        assert_eq!(taken(secret, false), Ok(()), "22 characters, 10 different ones: {secret}");
    }
    assert_eq!(taken("kakeibo-secret", true), Ok(()));
    assert_eq!(taken("aaaaaaaa", true), Ok(()));
    assert!(taken("aaaaaaa", true).unwrap_err().1.starts_with("client_secret: is too short; wanted are at least 8"));
}

proptest! {
    /// Whatever is read, what is written reads back to the same client.
    #[test]
    fn any_record_that_reads_reads_back(
        profile in prop::sample::select(vec!["fapi2", "fapi2_message_signing", "oidc"]),
        seconds in 60_u64..2_592_000, scope in "(openid )?(accounts )?transactions", name in "\\PC{1,40}",
        refresh in any::<bool>(), par in any::<bool>(),
    ) {
        let record = json!({"client_name": name, "profile": profile, "redirect_uris": ["https://a.example/"],
            "jwks_uri": "https://a.example/jwks", "token_endpoint_auth_method": "private_key_jwt", "scope": scope,
            "access_token_lifetime": seconds, "refresh_tokens": refresh,
            "require_pushed_authorization_requests": par || profile != "oidc"});
        if let Ok(client) = parse(&record, ClientId::parse("a").unwrap(), &rules(), NOW) {
            let again = parse(&document(&client), client.id.clone(), &rules(), NOW).unwrap();
            prop_assert_eq!(format!("{again:?}"), format!("{client:?}"));
        }
    }
    #[test]
    fn no_json_makes_it_panic(member in prop::sample::select(vec![
        "redirect_uris", "jwks", "provider", "scope", "grant_lifetime", "client_name", "contacts", "resources"]),
        value in prop::sample::select(vec![json!(null), json!(1.5), json!("\u{0}"), json!([[]]), json!({"a": []}), json!(["\u{10ffff}"])]),
    ) {
        let _ = parse(&with(oidc(), &[(member, value)]), ClientId::parse("a").unwrap(), &rules(), NOW);
    }
    #[test]
    fn no_redirect_uri_makes_it_panic(uri in any::<String>()) {
        let _ = parse(&with(oidc(), &[("redirect_uris", json!([uri]))]), ClientId::parse("a").unwrap(), &rules(), NOW);
    }
}
