//! Our metadata: RFC 8414 and OpenID Connect Discovery (one document under both paths), and our keys.
//!
//! It lists only what is implemented, so that clients can rely on it.

use super::{Shared, paths, public};
use crate::authorize::{DetailType, GrantAction, Prompt, ResponseMode, rules};
use crate::client::{AuthMethod, GrantType};
use crate::consent::ACR;
use crate::keys::jose::Alg;
use crate::scope::Scope;
use actix_web::HttpResponse;
use serde_json::{Value, json};

/// `GET /.well-known/openid-configuration`, `GET /.well-known/oauth-authorization-server`
pub async fn document(app: Shared) -> HttpResponse {
    let server = &app.config.server;
    let ours = app.config.keys.algs();
    let document = about(app.issuer(), app.config.institution.terms_url.as_str(), app.config.auth_methods(), &ours);
    let document =
        if server.sees_certificates() { mutual(document, server.mtls_base_url.as_deref()) } else { document };
    let mut document = acting(document, &app.config.own_scopes());
    if app.config.registration.enabled {
        document["registration_endpoint"] = format!("{}{}", app.issuer(), paths::REGISTER).into();
    }
    public::answer().json(document)
}

/// `GET /oauth/jwks`
pub async fn jwks(app: Shared) -> HttpResponse {
    public::answer().content_type("application/jwk-set+json").body(app.keys.jwks().to_string())
}

/// The document of an issuer that signs with `ours`.
fn about(issuer: &str, terms: &str, methods: &[AuthMethod], ours: &[Alg]) -> Value {
    let at = |path: &str| format!("{issuer}{path}");
    let methods: Vec<&str> = methods.iter().map(|m| m.as_str()).collect();
    let algs = |list: &[Alg]| list.iter().map(|a| a.as_str()).collect::<Vec<_>>();
    let mut document = json!({
        "issuer": issuer,
        "authorization_endpoint": at(paths::AUTHORIZE),
        "pushed_authorization_request_endpoint": at(paths::PAR),
        "token_endpoint": at(paths::TOKEN),
        "introspection_endpoint": at(paths::INTROSPECT),
        "revocation_endpoint": at(paths::REVOKE),
        "userinfo_endpoint": at(paths::USERINFO),
        "jwks_uri": at(paths::JWKS),
        "response_types_supported": ["code"],
        "response_modes_supported": ResponseMode::ALL.map(ResponseMode::as_str),
        // JARM §4. We do not encrypt responses, so there is no list of encryption algorithms.
        "authorization_signing_alg_values_supported": algs(ours),
        "grant_types_supported": ["authorization_code", "refresh_token"],
        // RFC 9396 §10.
        "authorization_details_types_supported": DetailType::ALL,
        "scopes_supported": rules::catalogue().iter().collect::<Vec<_>>(),
        "code_challenge_methods_supported": ["S256"],
        // RFC 9126 §5: each client's record decides.
        "require_pushed_authorization_requests": false,
        // RFC 9207 §3.
        "authorization_response_iss_parameter_supported": true,
        // RFC 9101 §10.5: each client's record decides. We never fetch an object.
        "request_parameter_supported": true,
        "require_signed_request_object": false,
        "request_object_signing_alg_values_supported": algs(&Alg::ALL),
        "request_uri_parameter_supported": false,
        "claims_parameter_supported": true,
        "prompt_values_supported": Prompt::ALL.map(Prompt::as_str),

        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": algs(&Alg::ALL),
        "introspection_endpoint_auth_methods_supported": methods,
        "introspection_endpoint_auth_signing_alg_values_supported": algs(&Alg::ALL),
        // RFC 9701 §7.
        "introspection_signing_alg_values_supported": algs(ours),
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": algs(&Alg::ALL),
        // RFC 9449 §5.1.
        "dpop_signing_alg_values_supported": algs(&Alg::FAPI),

        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": algs(ours),
        "userinfo_signing_alg_values_supported": algs(ours),
        "claims_supported": ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash"],
        "acr_values_supported": [ACR],
        "ui_locales_supported": ["ja", "en"],
        "op_tos_uri": terms,
    });
    // Grant Management for OAuth 2.0 §7.
    document["grant_management_endpoint"] = json!(at(paths::GRANTS));
    document["grant_management_actions_supported"] = json!(GrantAction::ALL);
    document["grant_management_action_required"] = json!(false);
    document
}

/// The document of a server that accepts client certificates (RFC 8705 §3.3), with an alias on that listener for every
/// endpoint that clients call themselves (§5).
fn mutual(mut document: Value, base: Option<&str>) -> Value {
    document["tls_client_certificate_bound_access_tokens"] = true.into();
    if let (Some(base), Some(members)) = (base, document.as_object()) {
        let issuer = members["issuer"].as_str().unwrap_or_default();
        let called = |name: &str| name.ends_with("_endpoint") && name != "authorization_endpoint";
        let path = |value: &Value| value.as_str().and_then(|url| url.strip_prefix(issuer)).map(str::to_owned);
        let aliases = members.iter().filter(|(name, _)| called(name));
        let aliases =
            aliases.filter_map(|(name, value)| Some((name.clone(), json!(format!("{base}{}", path(value)?)))));
        document["mtls_endpoint_aliases"] = Value::Object(aliases.collect());
    }
    document
}

/// Adds the scopes that clients may have for themselves (RFC 6749 §4.4). Without one the grant type is not listed.
fn acting(mut document: Value, scopes: &Scope) -> Value {
    if !scopes.is_empty() {
        let all = GrantType::ALL.iter().map(|t| t.as_str()).collect::<Vec<_>>();
        document["grant_types_supported"] = json!(all);
        document["scopes_supported"] = json!(rules::catalogue().and(scopes).iter().collect::<Vec<_>>());
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8414 §2, §3.2: what the document must and must not contain.
    #[test]
    fn the_document_keeps_the_rules_of_metadata() {
        let issuer = "https://link.example.jp";
        let document = mutual(about(issuer, "https://www.example.jp/terms", AuthMethod::ALL, &Alg::SIGNING), None);
        let document = acting(document, &Scope::parse("status").unwrap());
        let members = document.as_object().unwrap();
        for (name, value) in members {
            if name.ends_with("_endpoint") || name == "jwks_uri" {
                assert!(value.as_str().unwrap().starts_with(&format!("{issuer}/")), "{name}: RFC 8414 2");
            }
            if let Some(list) = value.as_array() {
                assert!(!list.is_empty(), "{name}: RFC 8414 3.2, no empty arrays");
                let mut texts: Vec<&str> = list.iter().map(|v| v.as_str().unwrap()).collect();
                texts.sort_unstable();
                texts.dedup();
                assert_eq!(texts.len(), list.len(), "{name} says something twice");
            }
        }
        let holds = |name: &str, value: &str| members[name].as_array().unwrap().iter().any(|v| v == value);
        for (name, value, why) in [
            ("id_token_signing_alg_values_supported", "RS256", "OpenID Connect Discovery 3"),
            ("token_endpoint_auth_methods_supported", "client_secret_basic", "the basic plan"),
            ("token_endpoint_auth_methods_supported", "client_secret_post", "the basic plan"),
            ("token_endpoint_auth_methods_supported", "private_key_jwt", "FAPI 2.0 5.3.2.1"),
            ("token_endpoint_auth_methods_supported", "tls_client_auth", "RFC 8705 2.1.1"),
            ("token_endpoint_auth_methods_supported", "self_signed_tls_client_auth", "RFC 8705 2.2.1"),
            ("code_challenge_methods_supported", "S256", "RFC 7636"),
            ("dpop_signing_alg_values_supported", "ES256", "RFC 9449 5.1"),
            ("response_types_supported", "code", "FAPI 2.0 5.3.2.2"),
            ("scopes_supported", "openid", "OpenID Connect Discovery 3"),
            ("scopes_supported", "status", "what a client may have for itself"),
            ("grant_types_supported", "refresh_token", "RFC 8414 2"),
            ("grant_types_supported", "client_credentials", "the FAPI 2.0 client credentials plan"),
        ] {
            assert!(holds(name, value), "{name} lacks {value}: {why}");
        }
        assert!(!holds("dpop_signing_alg_values_supported", "RS256"), "FAPI 2.0 5.4.1");
        for (list, theirs) in
            [("id_token", false), ("userinfo", false), ("introspection", false), ("authorization", false)]
        {
            let list = format!("{list}_signing_alg_values_supported");
            assert_eq!(holds(&list, "EdDSA"), theirs, "{list}: we sign with it only where keys.algorithms has it");
        }
        assert!(holds("request_object_signing_alg_values_supported", "EdDSA"), "clients may");
        assert_eq!(members["authorization_response_iss_parameter_supported"], true, "RFC 9207 3");
        assert_eq!(members["require_pushed_authorization_requests"], false, "a client's own record decides");
        assert_eq!(members["tls_client_certificate_bound_access_tokens"], true, "RFC 8705 3.3");
        assert_eq!(members.get("mtls_endpoint_aliases"), None);
    }

    /// RFC 8705 §5.
    #[test]
    fn what_a_client_calls_has_an_alias() {
        let plain = about(
            "https://link.example.jp",
            "https://www.example.jp/terms",
            AuthMethod::offered(false, false),
            &Alg::SIGNING,
        );
        assert_eq!(plain.get("tls_client_certificate_bound_access_tokens"), None);
        let methods = plain["token_endpoint_auth_methods_supported"].as_array().unwrap();
        assert!(methods.iter().all(|m| !m.as_str().unwrap().contains("tls")), "only what is offered");
        let document = mutual(plain, Some("https://mtls.example.jp"));
        let aliases = document["mtls_endpoint_aliases"].as_object().unwrap();
        for name in ["token", "pushed_authorization_request", "introspection", "revocation", "userinfo"] {
            let name = format!("{name}_endpoint");
            let (here, there) = (document[&name].as_str().unwrap(), aliases[&name].as_str().unwrap());
            assert_eq!(there, here.replace("link.", "mtls."), "{name}");
        }
        assert_eq!(aliases.get("authorization_endpoint"), None, "a browser goes there");
        assert_eq!(aliases.get("jwks_uri"), None, "nobody proves anything to read it");
    }
}
