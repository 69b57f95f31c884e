//! Redirect URIs are compared as strings, character by character (RFC 6749 §3.1.2.3, RFC 9700 §4.1.3).

use super::Client;

/// Whether `uri` is one the client registered. There is no loopback-port rule (RFC 8252 §7.3): every client here is
/// confidential, none is a native app.
#[must_use]
pub fn redirect_match(client: &Client, uri: &str) -> bool {
    client.redirect_uris.iter().any(|registered| registered == uri)
}
