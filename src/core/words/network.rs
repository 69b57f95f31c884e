//! Networks in the configuration or in a client record: `10.1.0.0/16`, `fd00::/8`, or a single address.

use ipnet::IpNet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A network in CIDR notation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network(IpNet);
impl Network {
    /// Parses `10.1.0.0/16`, `fd00::/8`, or a single address. IPv4 written as IPv6 (RFC 4291 §2.5.5.2) becomes IPv4,
    /// here and in every address that is compared.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
        // Not parsed by ipnet, which reads 010.0.0.1 as 10.0.0.1; the standard library refuses the leading zero.
        let address: IpAddr = address.parse().ok()?;
        let net = prefix.map_or(Some(IpNet::from(address)), |_| text.parse().ok())?;
        match address.to_canonical() {
            v4 if v4 != address => IpNet::new(v4, net.prefix_len().checked_sub(96)?).ok().map(Self),
            _ => Some(Self(net)),
        }
    }
    /// The loopback networks.
    #[must_use]
    pub fn loopback() -> Vec<Self> {
        const V4: IpNet = IpNet::new_assert(IpAddr::V4(Ipv4Addr::LOCALHOST), 8);
        vec![Self(V4), Self(IpNet::from(IpAddr::V6(Ipv6Addr::LOCALHOST)))]
    }
    /// Parses a list of networks.
    ///
    /// # Errors
    /// The first text that is not a network.
    pub fn list(texts: &[String]) -> Result<Vec<Self>, String> {
        texts.iter().map(|text| Self::parse(text).ok_or_else(|| text.clone())).collect()
    }
    /// Whether `source` is allowed: it is in one of the networks, or the list is empty.
    #[must_use]
    pub fn admits(networks: &[Self], source: Option<IpAddr>) -> bool {
        networks.is_empty() || source.is_some_and(|ip| networks.iter().any(|n| n.holds(ip)))
    }
    /// Whether every address of its family is in it: `/0`.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.0.prefix_len() == 0
    }
    /// Whether `ip` is in it.
    #[must_use]
    pub fn holds(&self, ip: IpAddr) -> bool {
        self.0.contains(&ip.to_canonical())
    }
}
impl fmt::Display for Network {
    /// The form [`Network::parse`] reads; a single address has no prefix.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.prefix_len() {
            whole if whole == self.0.max_prefix_len() => self.0.addr().fmt(f),
            _ => self.0.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        let holds = |net: &str, ip: &str| Network::parse(net).unwrap().holds(ip.parse().unwrap());
        assert!(holds("10.1.0.0/16", "10.1.255.1"));
        assert!(!holds("10.1.0.0/16", "10.2.0.1"));
        assert!(holds("0.0.0.0/0", "1.2.3.4"));
        assert!(holds("::/0", "fd00::1"));
        assert!(!holds("::/0", "1.2.3.4"));
        assert!(holds("192.168.1.7", "192.168.1.7"));
        assert!(!holds("192.168.1.7", "192.168.1.8"));
        for (net, ip, want) in [
            ("10.1.0.0/16", "::ffff:10.1.2.3", true),
            ("::ffff:10.1.0.0/112", "10.1.2.3", true),
            ("::ffff:10.1.0.0/112", "::ffff:10.1.2.3", true),
            ("::ffff:10.1.0.0/112", "10.2.0.1", false),
            ("::ffff:192.168.1.7", "192.168.1.7", true),
            ("::ffff:0:0/96", "203.0.113.7", true),
            ("::ffff:0:0/96", "2001:db8::1", false),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
        ] {
            assert_eq!(holds(net, ip), want, "{net} {ip}");
        }
        for (net, want) in [("0.0.0.0/0", true), ("::/0", true), ("::ffff:0:0/96", true), ("0.0.0.0/1", false)] {
            assert_eq!(Network::parse(net).unwrap().is_everything(), want, "{net}");
        }
        for bad in [
            "",
            "10.0.0.0/33",
            "fd00::/129",
            "::ffff:10.0.0.0/129",
            "::ffff:0:0/95",
            "10.0.0/8",
            "010.0.0.1",
            "010.0.0.0/8",
            "::ffff:010.0.0.0/104",
            "10.0.0.0/-1",
            "10.0.0.0/+8",
            "10.0.0.0/x",
            "10.0.0.0/",
            "10.0.0.0/8/8",
            "10.0.0.1-10.0.0.9",
            "10.0.0.*",
            "10.0.0.1:80",
            "[::1]",
            " 10.0.0.1",
            "fe80::1%1",
            "localhost",
            "example.jp",
            "*",
            "0",
            "any",
        ] {
            assert_eq!(Network::parse(bad), None, "{bad}");
            assert_eq!(Network::list(&["10.0.0.0/8".into(), bad.into()]), Err(bad.to_owned()));
        }
    }

    #[test]
    fn a_list_of_networks_admits_its_own_and_an_empty_one_everybody() {
        let own = Network::list(&["10.1.0.0/16".into(), "192.0.2.7".into()]).unwrap();
        for (source, want) in [
            (Some("10.1.2.3"), true),
            (Some("::ffff:10.1.2.3"), true),
            (Some("192.0.2.7"), true),
            (Some("192.0.2.8"), false),
            (None, false),
        ] {
            let source = source.map(|ip| ip.parse().unwrap());
            assert_eq!(Network::admits(&own, source), want, "{source:?}");
            assert!(Network::admits(&[], source));
        }
    }

    #[test]
    fn a_network_is_written_as_it_is_read() {
        for text in ["10.1.0.0/16", "192.0.2.7", "fd00::/8", "::1", "0.0.0.0/0"] {
            assert_eq!(Network::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Network::parse("192.0.2.7/32").unwrap().to_string(), "192.0.2.7");
    }
}
