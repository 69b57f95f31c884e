//! The rules of `[server]`, `[admin]`, `[traces]` and `[store]`.

use super::{Finding, Rule, https, local, origin, plain_origin};
use crate::config::{Mode, Span};
use crate::store;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use url::{Host, Url};

pub(super) const RULES: &[Rule] = &[
    (
        "server.issuer",
        |c, u| u.is_some_and(|u| plain_origin(u, &c.server.issuer)),
        "must be https://HOST[:PORT] and nothing after it",
    ),
    (
        "server.issuer",
        |c, u| u.is_none() || https(u) || c.server.mode != Mode::Production,
        "must be https in production",
    ),
    (
        "server.mode",
        |c, u| c.server.mode != Mode::Test || u.is_none_or(local),
        "test needs an issuer on loopback, .test or .localhost",
    ),
    ("server.listen", |c, _| !c.server.listen.is_empty(), "must have at least one address"),
    (
        "server.tls_cert_file",
        |c, _| c.server.tls_cert_file.is_some() == c.server.tls_key_file.is_some(),
        "must be set together with tls_key_file",
    ),
    (
        "server.tls_cert_file",
        |c, u| {
            c.server.tls_cert_file.is_some()
                || c.server.tls_key_file.is_some()
                || !c.server.trusted_proxies.is_empty()
                || !https(u)
                || c.server.mode != Mode::Production
        },
        "is missing: without it, a proxy in trusted_proxies must end TLS",
    ),
    (
        "server.mtls_listen",
        |c, _| c.server.mtls_listen.is_empty() || c.server.tls_cert_file.is_some(),
        "needs tls_cert_file: a client shows its certificate only over TLS",
    ),
    (
        "server.mtls_base_url",
        |c, _| c.server.mtls_listen.is_empty() || c.server.mtls_base_url.is_some(),
        "is missing: without it, clients do not find mtls_listen",
    ),
    (
        "server.mtls_base_url",
        |c, _| c.server.mtls_base_url.as_deref().is_none_or(|b| b.starts_with("https://") && origin(b)),
        "must be https://HOST[:PORT] and nothing after it",
    ),
    (
        "server.mtls_base_url",
        |c, _| c.server.mtls_base_url.is_none() || c.server.sees_certificates(),
        "has no effect without mtls_listen or client_cert_header",
    ),
    (
        "server.mtls_ca_file",
        |c, _| c.server.mtls_ca_file.is_none() || c.server.sees_certificates(),
        "has no effect without mtls_listen or client_cert_header",
    ),
    (
        "server.mtls_crl_file",
        |c, _| c.server.mtls_crl_file.is_none() || c.server.mtls_ca_file.is_some(),
        "has no effect without mtls_ca_file",
    ),
    (
        "server.client_cert_header",
        |c, _| !c.server.client_cert_header || !c.server.trusted_proxies.is_empty(),
        "needs trusted_proxies: the header is read only from them",
    ),
    (
        "server.log",
        |c, _| ["error", "warn", "info", "debug"].contains(&c.server.log.as_str()),
        "must be error, warn, info or debug",
    ),
    (
        "traces.endpoint",
        |c, _| c.traces.endpoint.as_deref().is_none_or(collector),
        "must be an https URL with its path, or http to this machine, such as http://127.0.0.1:4318/v1/traces",
    ),
    (
        "traces.sample",
        |c, _| c.traces.sample > 0.0 && c.traces.sample <= 1.0,
        "must be more than 0, and at most 1 (every trace)",
    ),
    ("server.drain", |c, _| c.server.drain_for() <= Duration::from_secs(300), "must be at most 5m"),
    ("server.connections", |c, _| (64..=100_000).contains(&c.server.connections), "must be 64 to 100000"),
    (
        "store.time_limit",
        |c, _| (Duration::from_millis(100)..=Duration::from_secs(10)).contains(&c.store.time_limit.get()),
        "must be 100ms to 10s",
    ),
    ("store.connections", |c, _| (1..=256).contains(&c.store.connections), "must be 1 to 256"),
    ("server.workers", |c, _| c.server.workers <= 1024, "must be 0 to 1024"),
    (
        "server.shutdown_grace",
        |c, _| (Span::secs(1)..=Span::secs(300)).contains(&c.server.shutdown_grace),
        "must be 1s to 5m",
    ),
];

pub(super) const FINDINGS: &[Finding] = &[
    ("server.listen", |c| (0..c.server.listen.len()).find_map(|i| both(c.server.listen[i], &c.server.listen[..i]))),
    ("server.mtls_listen", |c| {
        let own = &c.server.mtls_listen;
        (0..own.len()).find_map(|i| both(own[i], &own[..i]).or_else(|| both(own[i], &c.server.listen)))
    }),
    ("admin.listen", |c| {
        let (own, public, mutual) = (&c.admin.listen, &c.server.listen, &c.server.mtls_listen);
        (0..own.len())
            .find_map(|i| both(own[i], &own[..i]).or_else(|| both(own[i], public)).or_else(|| both(own[i], mutual)))
    }),
    ("admin.records_group", |c| {
        let alone = c.admin.records_group.is_some() && c.admin.group.is_none();
        alone.then(|| "needs admin.group: only its members reach the socket".to_owned())
    }),
    ("traces.follow", |c| super::networks(&c.traces.follow)),
    ("server.trusted_proxies", |c| super::networks(&c.server.trusted_proxies)),
    ("store.url", |c| match c.store.url_file {
        Some(_) => None,
        None => store::examine(&c.store.url).err(),
    }),
];

/// Where spans may go: over plain http only to a collector on this machine.
fn collector(endpoint: &str) -> bool {
    Url::parse(endpoint).is_ok_and(|url| {
        let protected = match url.scheme() {
            "https" => true,
            "http" => match url.host() {
                Some(Host::Ipv4(ip)) => ip.is_loopback(),
                Some(Host::Ipv6(ip)) => ip.is_loopback(),
                Some(Host::Domain(name)) => name == "localhost",
                None => false,
            },
            _ => false,
        };
        protected && url.path() != "/" && url.username().is_empty() && url.password().is_none()
    })
}

/// That this address cannot be listened on beside the others, if so. Port 0 is any free one.
fn both(address: SocketAddr, others: &[SocketAddr]) -> Option<String> {
    // A listener on [::] takes IPv4 too.
    let takes = |a: IpAddr, b: IpAddr| a == b || (a.is_unspecified() && (a.is_ipv6() || b.is_ipv4()));
    let clash = |other: &&SocketAddr| takes(address.ip(), other.ip()) || takes(other.ip(), address.ip());
    let other = others.iter().filter(|other| other.port() == address.port() && address.port() != 0).find(clash)?;
    Some(format!("{address}: another listener of this server has this port, on {other}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_port_has_one_listener() {
        for (one, other, clash) in [
            ("127.0.0.1:8443", "127.0.0.1:8443", true),
            ("127.0.0.1:8443", "127.0.0.1:8444", false),
            ("127.0.0.1:8443", "127.0.0.2:8443", false),
            ("0.0.0.0:8443", "127.0.0.2:8443", true),
            ("0.0.0.0:8443", "[::1]:8443", false),
            ("[::]:8443", "127.0.0.1:8443", true),
            ("[::]:8443", "0.0.0.0:8443", true),
            ("[::]:8443", "[::1]:8443", true),
            ("[::1]:8443", "127.0.0.1:8443", false),
            ("127.0.0.1:0", "127.0.0.1:0", false),
        ] {
            let read = |text: &str| text.parse::<SocketAddr>().unwrap();
            for (a, b) in [(one, other), (other, one)] {
                assert_eq!(both(read(a), &[read(b)]).is_some(), clash, "{a} and {b}");
            }
        }
    }
}
