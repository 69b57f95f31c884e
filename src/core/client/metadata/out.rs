//! Writes a client record as JSON: for the registry and for `renkei client show`. Never contains a secret.

use super::{Value, json};
use crate::client::{Client, ClientKeys};
use crate::duration::Span;
use crate::keys::Jwk;
use crate::keys::jose::Alg;

/// The record as RFC 7591 metadata with our own members (requirements.md#client-record). [`super::parse`] reads it
/// back to an equal client.
#[must_use]
pub fn document(client: &Client) -> Value {
    let words = |list: &[super::GrantType]| list.iter().map(|g| g.as_str()).collect::<Vec<_>>();
    let mut out = json!({
        "client_id": client.id,
        "profile": client.profile.as_str(),
        "status": client.status.as_str(),
        "client_name": client.name,
        "redirect_uris": client.redirect_uris,
        "grant_types": words(&client.grant_types),
        "response_types": if client.may(super::GrantType::AuthorizationCode) { vec!["code"] } else { vec![] },
        "scope": client.scope,
        "token_endpoint_auth_method": client.auth_method.as_str(),
        "subject_type": "pairwise",
        "require_pkce": client.require_pkce,
        "require_pushed_authorization_requests": client.require_par,
        "dpop_bound_access_tokens": client.dpop_bound,
        "tls_client_certificate_bound_access_tokens": client.certificate_bound,
        "require_signed_request_object": client.require_signed_request,
        "id_token_signed_response_alg": client.id_token_alg.as_str(),
        "require_auth_time": client.require_auth_time,
        "access_token_lifetime": Span::from(client.access_token_lifetime).to_string(),
        "grant_lifetime": Span::from(client.grant_lifetime).to_string(),
        "refresh_tokens": client.refresh_tokens,
        "resources": client.resources,
        "client_id_issued_at": client.created_at.secs(),
    });
    // An empty scope has no valid text in RFC 6749 §3.3.
    if client.scope.is_empty() {
        out["scope"] = Value::Null;
    }
    for (tag, name) in &client.names {
        out[format!("client_name#{tag}")] = name.as_str().into();
    }
    let texts = [
        ("client_uri", client.client_uri.as_deref()),
        ("logo_uri", client.logo_uri.as_deref()),
        ("policy_uri", client.policy_uri.as_deref()),
        ("tos_uri", client.tos_uri.as_deref()),
        ("software_id", client.software_id.as_deref()),
        ("software_version", client.software_version.as_deref()),
        ("token_endpoint_auth_signing_alg", client.auth_alg.map(Alg::as_str)),
        ("request_object_signing_alg", client.request_object_alg.map(Alg::as_str)),
        ("authorization_signed_response_alg", client.authorization_response_alg.map(Alg::as_str)),
        ("userinfo_signed_response_alg", client.userinfo_alg.map(Alg::as_str)),
        ("introspection_signed_response_alg", client.introspection_alg.map(Alg::as_str)),
    ];
    for (name, value) in texts {
        if let Some(value) = value {
            out[name] = value.into();
        }
    }
    if let Some(subject) = &client.tls_subject {
        let (name, text) = super::mutual::member(subject);
        out[name] = text.into();
    }
    match &client.keys {
        ClientKeys::None => {}
        ClientKeys::Inline(keys) => out["jwks"] = json!({"keys": keys.iter().map(Jwk::to_json).collect::<Vec<_>>()}),
        ClientKeys::Remote(uri) => out["jwks_uri"] = uri.as_str().into(),
    }
    if let Some(memory) = client.proofing_memory {
        out["proofing_memory"] = Span::from(memory).to_string().into();
    }
    if !client.allow_networks.is_empty() {
        out["allow_networks"] = client.allow_networks.iter().map(ToString::to_string).collect();
    }
    if let Some(events) = super::events::member(&client.events) {
        out["events"] = events;
    }
    let counts = [
        ("pushed_requests", client.pushed_requests),
        ("answers_per_second", client.answers_per_second),
        ("answers_burst", client.answers_burst),
    ];
    for (name, count) in counts {
        if let Some(count) = count {
            out[name] = count.into();
        }
    }
    if let Some(seconds) = client.default_max_age {
        out["default_max_age"] = seconds.into();
    }
    for (name, list) in
        [("contacts", &client.contacts), ("authorization_details_types", &client.authorization_details_types)]
    {
        if !list.is_empty() {
            out[name] = json!(list);
        }
    }
    if let Ok(Value::Object(provider)) = serde_json::to_value(&client.provider)
        && !provider.is_empty()
    {
        out["provider"] = Value::Object(provider);
    }
    if let Some(map) = out.as_object_mut() {
        map.retain(|_, v| !v.is_null());
    }
    out
}
