//! The rules that types cannot express: how keys depend on each other, what a mode forbids (requirements.md#modes), and which values
//! cannot be right.

mod checks;
mod others;
mod server;

use super::Config;
use crate::network::Network;
use crate::phone::Phone;
use url::{Host, Url};

/// The key, the condition, and the error if it is false.
type Rule = (&'static str, fn(&Config, Option<&Url>) -> bool, &'static str);
/// The key, and what is wrong with its value, if anything.
type Finding = (&'static str, fn(&Config) -> Option<String>);

/// Everything that is wrong: section and key, and why.
pub(super) fn all(config: &Config) -> Vec<(&'static str, String)> {
    let issuer = Url::parse(&config.server.issuer).ok();
    let rules = [server::RULES, checks::RULES, others::RULES].concat();
    let findings = [server::FINDINGS, checks::FINDINGS, others::FINDINGS].concat();
    let broken = rules.into_iter().filter(|(_, holds, _)| !holds(config, issuer.as_ref()));
    let mut wrong: Vec<_> = broken.map(|(key, _, why)| (key, why.to_owned())).collect();
    wrong.extend(findings.into_iter().filter_map(|(key, find)| Some((key, find(config)?))));
    wrong
}

/// What is wrong with a list of networks: something that is none, or every address there is.
fn networks(texts: &[String]) -> Option<String> {
    texts.iter().find_map(|text| match Network::parse(text) {
        None => Some(format!("{text:?} is not an address, nor a network such as 10.1.0.0/16")),
        Some(network) if network.is_everything() => Some(format!("{text:?} is every address")),
        Some(_) => None,
    })
}

fn https(issuer: Option<&Url>) -> bool {
    issuer.is_some_and(|u| u.scheme() == "https")
}
/// RFC 8414 §2: no query and no fragment; ours has no path either.
fn plain_origin(u: &Url, written: &str) -> bool {
    matches!(u.scheme(), "https" | "http") && u.origin().ascii_serialization() == written
}
fn origin(written: &str) -> bool {
    Url::parse(written).is_ok_and(|u| plain_origin(&u, written))
}
fn local(u: &Url) -> bool {
    match u.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(d)) => d == "localhost" || d.ends_with(".localhost") || d.ends_with(".test"),
        None => false,
    }
}
fn loopback_name(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
/// A name that a relay accepts in EHLO (RFC 5321 §4.1.1.1).
fn full_name(host: &str) -> bool {
    Host::parse(host).is_ok_and(|host| !matches!(host, Host::Domain(name) if !name.contains('.')))
}
fn all_different(numbers: &[String]) -> bool {
    let read: Vec<_> = numbers.iter().filter_map(|n| Phone::parse(n)).collect();
    read.iter().enumerate().all(|(i, n)| !read[..i].contains(n))
}
