//! Which addresses are public.

use super::Settings;
use std::net::{IpAddr, Ipv4Addr};

pub(super) fn may_reach(ip: IpAddr, settings: &Settings) -> bool {
    let ip = ip.to_canonical();
    settings.networks.iter().any(|n| n.holds(ip)) || (settings.world && is_world(ip))
}

/// Whether an address is public: not reserved by the IANA special-purpose registries.
fn is_world(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_world_v4(ip),
        IpAddr::V6(ip) => {
            let s = ip.segments();
            let v4_inside = || Ipv4Addr::from((u32::from(s[6]) << 16) | u32::from(s[7]));
            match s {
                // NAT64 (RFC 6052) leads to the IPv4 address in it.
                [0x64, 0xff9b, 0, 0, 0, 0, _, _] => is_world_v4(v4_inside()),
                // Only 2000::/3 is allocated; without Teredo, ORCHID, documentation and 6to4.
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
