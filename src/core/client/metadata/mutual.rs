//! The members of mutual TLS (RFC 8705 §2.1.2, §2.2.1, §3.4), and what a client's tokens are bound to.

use super::members::{listed, shown};
use super::{AuthMethod, ClientKeys, Members, Profile, Rules, invalid};
use crate::client::certificate::{Certificate, Subject};
use crate::keys::Jwk;
use crate::refusal::Refusal;
use std::net::IpAddr;

const BOUND: &str = "tls_client_certificate_bound_access_tokens";

/// The authentication method: one that the profile allows and this server offers.
pub(super) fn auth_method(m: &Members<'_>, profile: Profile, rules: &Rules) -> Result<AuthMethod, Refusal> {
    let usual = if profile.is_fapi() { AuthMethod::PrivateKeyJwt } else { AuthMethod::ClientSecretBasic };
    let name = "token_endpoint_auth_method";
    let method = m.word(name, AuthMethod::ALL, AuthMethod::as_str)?.unwrap_or(usual);
    let why = |why: &str| Err(invalid(name, &format!("{} {why}", shown(method.as_str()))));
    // FAPI 2.0 Security Profile §5.3.2.1 (6).
    if profile.is_fapi() && method.is_secret() {
        return why("is not allowed: must be private_key_jwt, tls_client_auth or self_signed_tls_client_auth");
    }
    if !rules.methods.contains(&method) {
        let offered = listed(rules.methods.iter().map(|m| m.as_str()));
        return why(&format!("is not offered by this server; offered are {offered}"));
    }
    Ok(method)
}

/// `dpop_bound_access_tokens` and `tls_client_certificate_bound_access_tokens`. A FAPI client has exactly one of
/// them, DPoP by default (FAPI 2.0 Security Profile §5.3.2.1 (4), (5)); no client has both.
pub(super) fn bound(m: &Members<'_>, profile: Profile, rules: &Rules) -> Result<(bool, bool), Refusal> {
    let certificate = m.flag(BOUND)?.unwrap_or(false);
    if certificate && !rules.methods.contains(&AuthMethod::SelfSignedTlsClientAuth) {
        return Err(invalid(BOUND, "is not offered by this server"));
    }
    let dpop = super::demanded(m, "dpop_bound_access_tokens", false, profile.is_fapi() && !certificate)?;
    if certificate && dpop {
        return Err(invalid(BOUND, "and dpop_bound_access_tokens must not both be true"));
    }
    Ok((dpop, certificate))
}

/// The one name of a `tls_client_auth` client (RFC 8705 §2.1.2: exactly one of five members).
pub(super) fn subject(m: &Members<'_>, method: AuthMethod) -> Result<Option<Subject>, Refusal> {
    let mut found = None;
    for (name, made) in NAMES {
        let Some(text) = m.text(name)? else { continue };
        if method != AuthMethod::TlsClientAuth {
            return Err(invalid(name, "goes with tls_client_auth alone"));
        }
        let subject = made(text).filter(Subject::is_readable).ok_or_else(|| invalid(name, "cannot be read"))?;
        if found.replace(subject).is_some() {
            return Err(invalid(name, "must be the only name of the certificate"));
        }
    }
    if method == AuthMethod::TlsClientAuth && found.is_none() {
        return Err(invalid(NAMES[0].0, "or one of tls_client_auth_san_dns, _uri, _ip, _email is needed"));
    }
    Ok(found)
}

const NAMES: [(&str, fn(&str) -> Option<Subject>); 5] = [
    ("tls_client_auth_subject_dn", |t| Some(Subject::Dn(t.to_owned()))),
    ("tls_client_auth_san_dns", |t| Some(Subject::SanDns(t.to_owned()))),
    ("tls_client_auth_san_uri", |t| Some(Subject::SanUri(t.to_owned()))),
    ("tls_client_auth_san_ip", |t| t.parse::<IpAddr>().ok().map(Subject::SanIp)),
    ("tls_client_auth_san_email", |t| Some(Subject::SanEmail(t.to_owned()))),
];

/// A registered name as a metadata member.
pub(super) fn member(subject: &Subject) -> (&'static str, String) {
    match subject {
        Subject::Dn(t) => (NAMES[0].0, t.clone()),
        Subject::SanDns(t) => (NAMES[1].0, t.clone()),
        Subject::SanUri(t) => (NAMES[2].0, t.clone()),
        Subject::SanIp(ip) => (NAMES[3].0, ip.to_string()),
        Subject::SanEmail(t) => (NAMES[4].0, t.clone()),
    }
}

/// Keys are required for the methods that use them, and for signed requests (RFC 9101 §10.5). A certificate must be
/// in `x5c` beside its own key (RFC 8705 §2.2.2, RFC 7517 §4.7).
pub(super) fn keys(keys: ClientKeys, method: AuthMethod, signs: bool) -> Result<ClientKeys, Refusal> {
    let lives_by_keys = matches!(method, AuthMethod::PrivateKeyJwt | AuthMethod::SelfSignedTlsClientAuth);
    if lives_by_keys && keys == ClientKeys::None {
        return Err(invalid("jwks", &format!("or jwks_uri is needed for {}", method.as_str())));
    }
    if signs && keys == ClientKeys::None {
        return Err(invalid("jwks", "or jwks_uri is needed for signed request objects"));
    }
    let pinned = method == AuthMethod::SelfSignedTlsClientAuth;
    let own = |key: &Jwk| {
        key.certificate().is_none_or(|der| Certificate::parse(der, false).is_ok_and(|certificate| certificate.has(key)))
    };
    match &keys {
        ClientKeys::Inline(list) if pinned && !list.iter().all(own) => {
            Err(invalid("jwks", "holds an x5c that is not of its key"))
        }
        _ => Ok(keys),
    }
}
