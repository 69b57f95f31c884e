//! What handlers read from a request: strictly parsed parameters, and the caller's address.

use super::App;
use super::error::ApiError;
use crate::outbound::Network;
use crate::params::Params;
use crate::refusal::Refusal;
use actix_web::http::header::{self, HeaderName};
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload};
use futures_util::future::LocalBoxFuture;
use std::net::{IpAddr, SocketAddr};

/// The longest form, in bytes; a signed request object fits.
pub const MAX_FORM: usize = 64 * 1024;

/// The parameters of a POST body. Only `application/x-www-form-urlencoded` is accepted (RFC 6749 §3.2).
#[derive(Debug)]
pub struct Form(pub Params);

impl FromRequest for Form {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;
    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = form_body(req, payload);
        Box::pin(async move { Ok(Self(Params::parse(text(&body.await?)?)?)) })
    }
}

/// The same of a browser's request: the parameters that stand there once, and the names of the others.
#[derive(Debug)]
pub struct BrowserForm(pub Params, pub Vec<String>);

impl FromRequest for BrowserForm {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;
    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = form_body(req, payload);
        Box::pin(
            async move { Ok(Params::parse_repeated(text(&body.await?)?).map(|(params, names)| Self(params, names))?) },
        )
    }
}

fn form_body(req: &HttpRequest, payload: &mut Payload) -> impl Future<Output = Result<Bytes, Refusal>> + use<> {
    let is_form = req.content_type().eq_ignore_ascii_case("application/x-www-form-urlencoded");
    let body = Bytes::from_request(req, payload);
    async move {
        if !is_form {
            return Err(Refusal::invalid_request("the body must be application/x-www-form-urlencoded"));
        }
        body.await.map_err(|_| Refusal::invalid_request("the body is too long or broken"))
    }
}

fn text(body: &Bytes) -> Result<&str, Refusal> {
    std::str::from_utf8(body).map_err(|_| Refusal::invalid_request("the body is not UTF-8"))
}

/// The parameters of the query.
///
/// # Errors
/// `invalid_request`, see [`Params::parse`].
pub fn query(req: &HttpRequest) -> Result<Params, Refusal> {
    Params::parse(req.query_string())
}

/// The values of a header as text. A value that is not ASCII becomes an empty text, which no check accepts.
#[must_use]
pub fn header_values(req: &HttpRequest, name: HeaderName) -> Vec<&str> {
    req.headers().get_all(name).map(|v| v.to_str().unwrap_or_default()).collect()
}

/// The address of the caller: the peer's, or the one from a trusted proxy.
#[must_use]
pub fn caller(req: &HttpRequest, app: &App) -> Option<IpAddr> {
    let peer = req.peer_addr()?.ip().to_canonical();
    if !is_proxy(req, app) {
        return Some(peer);
    }
    let lines = req.headers().get_all(header::X_FORWARDED_FOR).map(|v| v.to_str().unwrap_or_default());
    Some(forwarded(lines, &app.proxies.load()).unwrap_or(peer))
}

/// The last address of `X-Forwarded-For` that is not one of our proxies. Entries left of it are controlled by the
/// client. An entry that does not parse makes the whole header unusable.
fn forwarded<'a>(lines: impl Iterator<Item = &'a str>, proxies: &[Network]) -> Option<IpAddr> {
    let list: Vec<&str> = lines.flat_map(|line| line.split(',')).collect();
    let known = list.into_iter().rev().map_while(|entry| address(entry.trim()));
    known.map(|ip| ip.to_canonical()).find(|ip| !proxies.iter().any(|p| p.holds(*ip)))
}

/// One entry of `X-Forwarded-For`. Some load balancers add the caller's port, and then write an IPv6 address in
/// brackets (RFC 3986 §3.2.2).
fn address(entry: &str) -> Option<IpAddr> {
    let bracketed = || entry.strip_prefix('[')?.strip_suffix(']')?.parse().map(IpAddr::V6).ok();
    let with_port = || entry.parse::<SocketAddr>().ok().map(|a| a.ip());
    entry.parse().ok().or_else(with_port).or_else(bracketed)
}

/// Whether the peer is one of `server.trusted_proxies`.
#[must_use]
pub fn is_proxy(req: &HttpRequest, app: &App) -> bool {
    req.peer_addr().is_some_and(|peer| app.proxies.load().iter().any(|p| p.holds(peer.ip())))
}

/// Whether a state-changing request comes from a page of ours (requirements.md#same-origin): `Sec-Fetch-Site:
/// same-origin`, or, if the browser does not send that, `Origin` equal to the issuer.
#[must_use]
pub fn same_origin(req: &HttpRequest, app: &App) -> bool {
    match req.headers().get("Sec-Fetch-Site") {
        Some(site) => site == "same-origin",
        None => req.headers().get(header::ORIGIN).is_some_and(|o| o.as_bytes() == app.issuer().as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_cannot_choose_the_address_it_is_counted_under() {
        let proxies = ["10.0.0.1", "10.0.0.2", "10.9.0.0/16", "2001:db8:9::/48", "::ffff:172.16.0.0/108"];
        let proxies = Network::list(&proxies.map(str::to_owned)).unwrap();
        for (lines, want, why) in [
            (vec!["203.0.113.7"], Some("203.0.113.7"), "what our proxy saw"),
            (vec!["198.51.100.1, 203.0.113.7"], Some("203.0.113.7"), "the caller wrote the first"),
            (vec!["198.51.100.1", "203.0.113.7"], Some("203.0.113.7"), "in a line of its own"),
            (vec!["203.0.113.7, 10.0.0.2"], Some("203.0.113.7"), "through two proxies of ours"),
            (vec!["::ffff:203.0.113.7"], Some("203.0.113.7"), "IPv4 in IPv6"),
            (vec!["203.0.113.7, 10.9.255.1, 10.0.0.2"], Some("203.0.113.7"), "through a balancer's network"),
            (vec!["203.0.113.7, 2001:db8:9:1::7"], Some("203.0.113.7"), "the same in IPv6"),
            (vec!["203.0.113.7, 172.31.0.1, ::ffff:172.16.0.1"], Some("203.0.113.7"), "a network of IPv4 in IPv6"),
            (vec!["203.0.113.7, ::ffff:10.9.0.1"], Some("203.0.113.7"), "a proxy by IPv4 in IPv6"),
            (vec!["203.0.113.7, 10.10.0.1"], Some("10.10.0.1"), "just beyond the network"),
            (vec!["203.0.113.7:4711"], Some("203.0.113.7"), "with a port"),
            (vec!["[2001:db8::7]:4711"], Some("2001:db8::7"), "IPv6 with a port"),
            (vec!["[2001:db8::7]"], Some("2001:db8::7"), "IPv6 in brackets"),
            (vec!["2001:db8::7"], Some("2001:db8::7"), "IPv6"),
            (vec!["[::ffff:203.0.113.7]:4711"], Some("203.0.113.7"), "IPv4 in IPv6 with a port"),
            (vec!["198.51.100.1:1, 203.0.113.7:2, 10.0.0.1:3"], Some("203.0.113.7"), "a port at each"),
            (vec!["198.51.100.1, 203.0.113.7:"], None, "no port behind the colon"),
            (vec!["198.51.100.1, 203.0.113.7:65536"], None, "no port"),
            (vec!["198.51.100.1, [203.0.113.7]:80"], None, "brackets are IPv6's"),
            (vec!["198.51.100.1, [2001:db8::7"], None, "half a bracket"),
            (vec!["198.51.100.1, _hidden:80"], None, "a made-up name"),
            (vec!["198.51.100.1, unknown"], None, "the proxy does not say; the caller wrote the rest"),
            (vec!["198.51.100.1, "], None, "nothing is no address"),
            (vec!["10.0.0.2"], None, "nobody but proxies"),
            (vec![], None, "no header"),
        ] {
            let found = forwarded(lines.iter().copied(), &proxies).map(|ip| ip.to_string());
            assert_eq!(found.as_deref(), want, "{why}");
        }
    }
}
