//! A record that somebody has written by hand: everything that is wrong with it, at once.

use super::metadata::with;
use super::*;
use crate::client::metadata::{import_mistakes, read};

/// Everything that is wrong is said at once, each with its value and what is allowed; nothing is said of what follows from it.
#[test]
fn every_mistake_is_said_at_once() {
    let record = with(
        oidc(),
        &[
            ("status", json!("gone")),
            ("redirect_uris", json!(["http://app.example/", "https://app.example/", "https://app.example/"])),
            ("scope", json!("openid balance email")),
            ("grant_types", json!(["authorization_code", "implicit", "password"])),
            ("id_token_signed_response_alg", json!("HS256")),
            ("default_max_age", json!("10")),
            ("id_token_encrypted_response_alg", json!("RSA-OAEP")),
        ],
    );
    let (client, mistakes) = read(&record, ClientId::parse("app").unwrap(), &rules(), NOW).unwrap();
    let said: Vec<String> = mistakes.iter().map(|mistake| mistake.description.clone().into_owned()).collect();
    assert_eq!(
        said,
        [
            "id_token_encrypted_response_alg: is not supported",
            "grant_types: has 'implicit'; allowed are authorization_code, refresh_token, client_credentials",
            "grant_types: has 'password'; allowed are authorization_code, refresh_token, client_credentials",
            "id_token_signed_response_alg: 'HS256' is not an algorithm this profile may use; allowed are ES256, PS256, EdDSA, RS256",
            "status: 'gone' is not a value this server knows; allowed are active, suspended, pending, ended",
            "redirect_uris[0]: is not https: 'http://app.example/'",
            "redirect_uris[2]: is repeated: 'https://app.example/'",
            "scope: has 'balance', 'email', which this server does not know; known are accounts, offline_access, openid, transactions",
            "default_max_age: is not a number of seconds",
        ]
    );
    assert_eq!(client.name, "App");
    // A method that is wrong asks for no keys, and a password in an address is not repeated.
    let record = with(
        json!({"client_name": "App", "redirect_uris": ["https://u:secret@app.example/cb"]}),
        &[("token_endpoint_auth_method", json!("none"))],
    );
    let (_, mistakes) = read(&record, ClientId::parse("app").unwrap(), &rules(), NOW).unwrap();
    assert_eq!(mistakes.len(), 2, "{mistakes:?}");
    assert!(!format!("{mistakes:?}").contains("secret@"), "{mistakes:?}");
}

#[test]
fn an_import_wants_a_record_of_one_piece() {
    let read = |changes: &[(&str, Value)]| with(oidc(), changes);
    let registered = json!({"name": "株式会社", "registration_number": "関東財務局長(電代)第1号"});
    let both = json!(["authorization_code", "refresh_token"]);
    for (record, production, want) in [
        (read(&[]), false, vec![]),
        (read(&[("grant_types", both.clone())]), false, vec![]),
        (read(&[("scope", json!("openid offline_access"))]), false, vec!["scope"]),
        (read(&[("scope", json!("openid")), ("grant_types", both.clone())]), false, vec!["grant_types"]),
        (read(&[("scope", json!("openid")), ("refresh_tokens", json!(true))]), false, vec!["grant_types"]),
        (read(&[("scope", json!("openid offline_access")), ("grant_types", both)]), false, vec![]),
        (read(&[]), true, vec!["provider.name", "provider.registration_number"]),
        (read(&[("provider", json!({"name": "株式会社"}))]), true, vec!["provider.registration_number"]),
        (read(&[("provider", registered)]), true, vec![]),
        (json!({"client_name": "R", "profile": "resource_server", "resources": ["x"]}), true, vec![]),
    ] {
        let mistakes = import_mistakes(&record, &client_of(&record), production);
        let members: Vec<_> = mistakes.iter().map(|m| m.description.split(':').next().unwrap().to_owned()).collect();
        assert_eq!(members, want, "{record}");
    }
}
