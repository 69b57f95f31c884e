//! Redirect URIs: which may be registered, and how they are compared.

use super::Client;
use url::{Host, Url};

/// Whether `uri` is one the client registered: compared as strings, character by character (RFC 6749 §3.1.2.3,
/// RFC 9700 §4.1.3). There is no loopback-port rule (RFC 8252 §7.3): every client here is confidential, none is a
/// native app.
#[must_use]
pub fn redirect_match(client: &Client, uri: &str) -> bool {
    client.redirect_uris.iter().any(|registered| registered == uri)
}

/// Whether a URL points at this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Parameters of our response; a registered query must not contain them, or they would appear twice.
const OURS: [&str; 7] = ["code", "state", "iss", "error", "error_description", "response", "id_token"];

/// Whether a redirect URI may be registered: https, or http on loopback if allowed; absolute and without a fragment
/// (RFC 6749 §3.1.2); nothing that a human and a browser could read differently.
pub(super) fn acceptable(uri: &str, loopback_http: bool) -> Result<(), &'static str> {
    if uri.len() > 2000 {
        return Err("is too long");
    }
    if !uri.bytes().all(|b| b.is_ascii_graphic()) || uri.contains(['\\', '"', '<', '>', '`', '{', '}', '|', '^']) {
        return Err("holds a character no URI has");
    }
    if uri.contains('*') {
        return Err("holds a wildcard");
    }
    let url = Url::parse(uri).map_err(|_| "is not an absolute URI")?;
    if url.fragment().is_some() {
        return Err("has a fragment");
    }
    // `Url` would add the missing slashes of `https:host`.
    let after = uri.split_once(':').and_then(|(_, rest)| rest.strip_prefix("//"));
    let authority = after.map(|rest| rest.split(['/', '?']).next().unwrap_or_default());
    if authority.is_none_or(|a| a.is_empty() || a.contains('@')) {
        return Err("has no host, or a user name");
    }
    // A browser takes `%2e` for a dot here (WHATWG URL, "double-dot URL path segment").
    let dots = |segment: &str| matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..");
    if uri.split(['?', '#']).next().is_some_and(|path| path.split('/').any(dots)) {
        return Err("has a path with a `.` or `..` segment");
    }
    if url.query_pairs().any(|(name, _)| OURS.contains(&name.as_ref())) {
        return Err("has a query parameter that belongs to the answer");
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if loopback_http && is_loopback(&url) => Ok(()),
        _ => Err("is not https"),
    }
}
