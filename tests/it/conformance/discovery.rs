//! `oidcc-config-certification-test-plan` and the discovery modules of the FAPI plans.

use crate::support::http::RequestParts;
use crate::support::town::{Town, on_both, on_both_with};
use serde_json::{Map, Value};

on_both!(every_member_is_registered_and_of_its_kind, each_plan_finds_what_it_looks_for, the_keys_are_usable);
on_both_with!(aliases_stand_for_endpoints_that_are_there, crate::mtls::listener);

/// Members of metadata that say where something is.
const ENDPOINTS: &str = "issuer authorization_endpoint token_endpoint userinfo_endpoint jwks_uri registration_endpoint \
    introspection_endpoint revocation_endpoint pushed_authorization_request_endpoint grant_management_endpoint \
    op_policy_uri op_tos_uri service_documentation";
/// Members that list texts.
const LISTS: &str = "scopes_supported response_types_supported response_modes_supported grant_types_supported \
    acr_values_supported subject_types_supported claims_supported ui_locales_supported display_values_supported \
    claim_types_supported prompt_values_supported code_challenge_methods_supported \
    token_endpoint_auth_methods_supported token_endpoint_auth_signing_alg_values_supported \
    introspection_endpoint_auth_methods_supported introspection_endpoint_auth_signing_alg_values_supported \
    revocation_endpoint_auth_methods_supported revocation_endpoint_auth_signing_alg_values_supported \
    id_token_signing_alg_values_supported userinfo_signing_alg_values_supported \
    request_object_signing_alg_values_supported authorization_signing_alg_values_supported \
    introspection_signing_alg_values_supported dpop_signing_alg_values_supported \
    authorization_details_types_supported grant_management_actions_supported protected_resources";
/// Members that are true or false.
const FLAGS: &str = "claims_parameter_supported request_parameter_supported request_uri_parameter_supported \
    require_request_uri_registration require_pushed_authorization_requests require_signed_request_object \
    tls_client_certificate_bound_access_tokens authorization_response_iss_parameter_supported \
    grant_management_action_required";

fn holds(document: &Map<String, Value>, name: &str, value: &str) -> bool {
    document.get(name).and_then(Value::as_array).is_some_and(|list| list.iter().any(|v| v == value))
}
fn is_https(value: &Value) -> bool {
    value
        .as_str()
        .and_then(|u| url::Url::parse(u).ok())
        .is_some_and(|u| u.scheme() == "https" && u.fragment().is_none())
}

async fn document(w: &Town, name: &str) -> Map<String, Value> {
    let answer = w.http.get(name).await.expect(200);
    assert_eq!(answer.header("content-type"), Some("application/json"), "RFC 8414 3.2");
    let Value::Object(document) = answer.json() else { panic!("not an object") };
    document
}

/// A member that no registry knows is a warning to the suite, and to any reader a riddle.
async fn every_member_is_registered_and_of_its_kind(w: &Town) {
    for path in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"] {
        for (name, value) in document(w, path).await {
            let among = |list: &str| list.split_whitespace().any(|known| known == name);
            if among(ENDPOINTS) {
                assert!(is_https(&value), "{name}: {value}");
            } else if among(LISTS) {
                let list = value.as_array().unwrap_or_else(|| panic!("{name} is no list"));
                assert!(!list.is_empty() && list.iter().all(Value::is_string), "{name}: {value}");
            } else if among(FLAGS) {
                assert!(value.is_boolean(), "{name}: {value}");
            } else {
                assert_eq!(name, "mtls_endpoint_aliases", "nobody knows this member");
            }
        }
    }
}

async fn each_plan_finds_what_it_looks_for(w: &Town) {
    let document = document(w, "/.well-known/openid-configuration").await;
    assert_eq!(document["issuer"], w.http.issuer, "OpenID Connect Discovery 4.3");
    assert!(document.keys().filter(|k| k.ends_with("_endpoint")).all(|k| is_https(&document[k])));
    for (name, value) in [
        ("response_types_supported", "code"),
        ("grant_types_supported", "authorization_code"),
        ("grant_types_supported", "refresh_token"),
        ("subject_types_supported", "pairwise"),
        ("scopes_supported", "openid"),
        ("scopes_supported", "offline_access"),
        ("id_token_signing_alg_values_supported", "RS256"),
        ("id_token_signing_alg_values_supported", "PS256"),
        ("id_token_signing_alg_values_supported", "ES256"),
        ("token_endpoint_auth_methods_supported", "client_secret_basic"),
        ("token_endpoint_auth_methods_supported", "client_secret_post"),
        ("token_endpoint_auth_methods_supported", "private_key_jwt"),
        ("token_endpoint_auth_signing_alg_values_supported", "ES256"),
        ("dpop_signing_alg_values_supported", "ES256"),
        ("dpop_signing_alg_values_supported", "PS256"),
        ("code_challenge_methods_supported", "S256"),
        ("request_object_signing_alg_values_supported", "RS256"),
        ("request_object_signing_alg_values_supported", "PS256"),
        ("authorization_signing_alg_values_supported", "PS256"),
        ("response_modes_supported", "jwt"),
        ("response_modes_supported", "form_post"),
    ] {
        assert!(holds(&document, name, value), "{name} lacks {value}");
    }
    // What we do not give, a plan skips when it reads that we do not give it.
    for (name, value) in [
        ("scopes_supported", "profile"),
        ("scopes_supported", "email"),
        ("claims_supported", "name"),
        ("id_token_signing_alg_values_supported", "none"),
        ("request_object_signing_alg_values_supported", "none"),
        ("code_challenge_methods_supported", "plain"),
    ] {
        assert!(!holds(&document, name, value), "{name} has {value}");
    }
    assert_eq!(document["authorization_response_iss_parameter_supported"], true, "RFC 9207 3");
    assert!(document["require_pushed_authorization_requests"].is_boolean(), "RFC 9126 5");
    assert!(document.contains_key("pushed_authorization_request_endpoint"));
    for tag in document["ui_locales_supported"].as_array().unwrap() {
        assert!(["ja", "en"].contains(&tag.as_str().unwrap()), "registered, in the case of BCP 47");
    }
    assert!(!document.contains_key("mtls_endpoint_aliases"), "nobody here asks for certificates");
}

/// RFC 8705 §5.
/// `server.mtls_base_url` is where they begin.
async fn aliases_stand_for_endpoints_that_are_there(w: &Town) {
    let document = document(w, "/.well-known/openid-configuration").await;
    let aliases = document["mtls_endpoint_aliases"].as_object().unwrap();
    assert!(aliases.contains_key("token_endpoint") && aliases.len() >= 5, "{aliases:?}");
    for (name, test_store) in aliases {
        assert!(
            name.ends_with("_endpoint") && name != "authorization_endpoint" && is_https(test_store),
            "{name}: {test_store}"
        );
        assert!(document.contains_key(name), "{name} stands among the aliases alone");
    }
}

async fn the_keys_are_usable(w: &Town) {
    let answer =
        w.http.send("GET", "/oauth/jwks", RequestParts::default().header("accept", "application/json, */*")).await;
    let set = answer.expect(200).json();
    let keys = set["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 3, "one of each algorithm of `keys.algorithms`");
    let mut kids: Vec<&str> = keys.iter().map(|k| k["kid"].as_str().expect("OpenID Connect Core 10.1")).collect();
    kids.sort_unstable();
    kids.dedup();
    assert_eq!(kids.len(), keys.len(), "RFC 7517 4.5");
    for key in keys {
        let members: &[&str] = match key["kty"].as_str().unwrap() {
            "RSA" => &["n", "e"],
            "EC" => &["crv", "x", "y"],
            other => panic!("{other}"),
        };
        for name in members {
            let text = key[*name].as_str().unwrap();
            assert!(
                text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)),
                "unpadded base64url: {name}"
            );
        }
        assert!(["RS256", "PS256", "ES256"].contains(&key["alg"].as_str().unwrap()), "{key}");
    }
}
