//! The network of a browser, as the limits count it: an IPv4 address, an IPv6 /64, and the /48 around it.
//!
//! An IPv6 customer has a /64 to itself and can change the rest of the address at will; a rented server often has
//! a /48. So both are counted, the /48 with ten times as much.

use std::net::{IpAddr, Ipv6Addr};

/// The network address of a browser; an IPv4-mapped IPv6 address is taken as IPv4. `None` if it is unknown: all such
/// browsers count as one network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BrowserNetwork(Option<IpAddr>);

/// One network that is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct NetworkKey {
    address: u128,
    /// The prefix length; IPv4 addresses are mapped to IPv6, so theirs is 96 + 32.
    prefix: u8,
}

impl BrowserNetwork {
    /// The network of an address.
    #[must_use]
    pub fn of(address: Option<IpAddr>) -> Self {
        Self(address.map(|a| a.to_canonical()))
    }
    /// What is counted first: the address itself (IPv4) or its /64.
    pub(super) fn narrow(self) -> NetworkKey {
        self.prefix(64)
    }
    /// The /48 around an IPv6 address.
    pub(super) fn wide(self) -> Option<NetworkKey> {
        matches!(self.0, Some(IpAddr::V6(_))).then(|| self.prefix(48))
    }
    /// The network that holds a called number: an IPv4 address or an IPv6 /48, as text for a keyed index.
    pub(super) fn lease_holder(self) -> String {
        let NetworkKey { address, prefix } = self.wide().unwrap_or_else(|| self.narrow());
        format!("{}/{prefix}", Ipv6Addr::from(address))
    }
    fn prefix(self, of_v6: u8) -> NetworkKey {
        match self.0 {
            Some(IpAddr::V4(a)) => NetworkKey { address: a.to_ipv6_mapped().into(), prefix: 128 },
            Some(IpAddr::V6(a)) => {
                NetworkKey { address: u128::from(a) & (u128::MAX << (128 - u32::from(of_v6))), prefix: of_v6 }
            }
            None => NetworkKey { address: 0, prefix: 0 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> BrowserNetwork {
        BrowserNetwork::of(Some(text.parse().unwrap()))
    }

    #[test]
    fn addresses_of_one_network_count_as_one() {
        for (a, b, narrow, wide, why) in [
            ("192.0.2.7", "192.0.2.7", true, true, "one IPv4 address"),
            ("192.0.2.7", "192.0.2.8", false, false, "two IPv4 addresses"),
            ("192.0.2.7", "::ffff:192.0.2.7", true, true, "IPv4 in IPv6"),
            ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true, true, "one /64"),
            ("2001:db8:1:2::1", "2001:db8:1:3::1", false, true, "two /64 of one /48"),
            ("2001:db8:1::1", "2001:db8:2::1", false, false, "two /48"),
            ("::", "192.0.2.7", false, false, "nothing in common"),
        ] {
            assert_eq!(of(a).narrow() == of(b).narrow(), narrow, "{why}");
            assert_eq!(of(a).lease_holder() == of(b).lease_holder(), wide, "{why}");
        }
        assert_eq!(of("192.0.2.7").wide(), None);
        assert_eq!(BrowserNetwork::of(None).narrow(), BrowserNetwork::of(None).narrow());
        assert_ne!(BrowserNetwork::of(None).narrow(), of("::").narrow());
    }
}
