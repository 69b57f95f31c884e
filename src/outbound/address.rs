//! Which addresses are the world, and which our own network.

use super::Settings;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A network in CIDR notation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}
impl Network {
    /// Reads `10.1.0.0/16`, `fd00::/8`, or a single address. IPv4 written within IPv6 (RFC 4291 §2.5.5.2) is IPv4, as
    /// every address that is asked about.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        // The standard library would read a sign too.
        let digits = |p: &&str| p.bytes().all(|b| b.is_ascii_digit());
        let prefix: u8 = prefix.map_or(Some(most), |p| Some(p).filter(digits)?.parse().ok())?;
        if prefix > most {
            return None;
        }
        match address.to_canonical() {
            v4 if v4 != address => Some(Self { address: v4, prefix: prefix.checked_sub(96)? }),
            _ => Some(Self { address, prefix }),
        }
    }
    /// This very machine.
    #[must_use]
    pub fn loopback() -> Vec<Self> {
        let v4 = Self { address: IpAddr::V4(Ipv4Addr::LOCALHOST), prefix: 8 };
        vec![v4, Self { address: IpAddr::V6(Ipv6Addr::LOCALHOST), prefix: 128 }]
    }
    /// Reads a list of them.
    ///
    /// # Errors
    /// The first text that is no network.
    pub fn list(texts: &[String]) -> Result<Vec<Self>, String> {
        texts.iter().map(|text| Self::parse(text).ok_or_else(|| text.clone())).collect()
    }
    /// Whether a caller at `source` may come in: from one of the networks, or from anywhere where none is named.
    #[must_use]
    pub fn admits(networks: &[Self], source: Option<IpAddr>) -> bool {
        networks.is_empty() || source.is_some_and(|ip| networks.iter().any(|n| n.holds(ip)))
    }
    /// Whether `ip` lies in it.
    #[must_use]
    pub fn holds(&self, ip: IpAddr) -> bool {
        let (net, ip, width) = match (self.address, ip.to_canonical()) {
            (IpAddr::V4(net), IpAddr::V4(ip)) => (u128::from(u32::from(net)), u128::from(u32::from(ip)), 32),
            (IpAddr::V6(net), IpAddr::V6(ip)) => (u128::from(net), u128::from(ip), 128),
            _ => return false,
        };
        let host_bits = width - u32::from(self.prefix);
        host_bits >= 128 || (net >> host_bits) == (ip >> host_bits)
    }
}

pub(super) fn may_reach(ip: IpAddr, settings: &Settings) -> bool {
    let ip = ip.to_canonical();
    settings.networks.iter().any(|n| n.holds(ip)) || (settings.world && is_world(ip))
}

/// Whether an address is anybody's: everything that the IANA special-purpose registries do not set apart.
fn is_world(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_world_v4(ip),
        IpAddr::V6(ip) => {
            let s = ip.segments();
            let v4_inside = || Ipv4Addr::from((u32::from(s[6]) << 16) | u32::from(s[7]));
            match s {
                // NAT64 (RFC 6052) leads to the IPv4 address in it.
                [0x64, 0xff9b, 0, 0, 0, 0, _, _] => is_world_v4(v4_inside()),
                // Only 2000::/3 is given out; of it not Teredo, ORCHID, documentation, 6to4.
                [0x2001, 0..=0x01ff, ..] | [0x2001, 0x0db8, ..] | [0x2002, ..] | [0x3fff, 0..=0x0fff, ..] => false,
                [first, ..] => first & 0xe000 == 0x2000,
            }
        }
    }
}

fn is_world_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    !(a == 0
        || ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_documentation()
        || (a == 100 && b & 0xc0 == 64)
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && b & 0xfe == 18)
        || a >= 224)
}
