use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// From where an address can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// From everywhere.
    Public,
    /// From inside one network.
    Private,
    /// From this machine.
    Loopback,
    /// No server of datasets can be there: link-local addresses, among them those that give out a cloud's credentials,
    /// multicast, documentation, what was never assigned.
    Reserved,
}

/// The addresses that are not public, from the IANA IPv4 Special-Purpose Address Registry (RFC 6890), and multicast.
const IPV4: [(Ipv4Addr, u32, Scope); 14] = [
    // RFC 791 §3.2; Linux takes 0.0.0.0 for itself.
    (Ipv4Addr::UNSPECIFIED, 8, Scope::Reserved),
    // RFC 1918.
    (Ipv4Addr::new(10, 0, 0, 0), 8, Scope::Private),
    // RFC 6598.
    (Ipv4Addr::new(100, 64, 0, 0), 10, Scope::Private),
    // RFC 1122 §3.2.1.3; Lambda's Runtime API is 127.0.0.1:9001.
    (Ipv4Addr::new(127, 0, 0, 0), 8, Scope::Loopback),
    // RFC 3927; 169.254.169.254 and 169.254.170.2 give out credentials.
    (Ipv4Addr::new(169, 254, 0, 0), 16, Scope::Reserved),
    // RFC 1918.
    (Ipv4Addr::new(172, 16, 0, 0), 12, Scope::Private),
    // RFC 6890 §2.1.
    (Ipv4Addr::new(192, 0, 0, 0), 24, Scope::Reserved),
    // RFC 5737.
    (Ipv4Addr::new(192, 0, 2, 0), 24, Scope::Reserved),
    // RFC 1918.
    (Ipv4Addr::new(192, 168, 0, 0), 16, Scope::Private),
    // RFC 2544.
    (Ipv4Addr::new(198, 18, 0, 0), 15, Scope::Reserved),
    // RFC 5737.
    (Ipv4Addr::new(198, 51, 100, 0), 24, Scope::Reserved),
    (Ipv4Addr::new(203, 0, 113, 0), 24, Scope::Reserved),
    // RFC 5771.
    (Ipv4Addr::new(224, 0, 0, 0), 4, Scope::Reserved),
    // RFC 1112 §4, and broadcast (RFC 919).
    (Ipv4Addr::new(240, 0, 0, 0), 4, Scope::Reserved),
];

/// The first prefix that holds an address decides, as far as the address holds no IPv4 address.
///
/// After the IANA IPv6 Special-Purpose Address Registry (RFC 6890). Only `2000::/3` was ever given out as global unicast
/// (RFC 3587 §3), so that `::/96` (RFC 4291 §2.5.5.1), `64:ff9b:1::/48` (RFC 8215), `100::/64` (RFC 6666), `fe80::/10`,
/// `fec0::/10` and `ff00::/8` fall to the last line.
const IPV6: [(Ipv6Addr, u32, Scope); 8] = [
    (Ipv6Addr::LOCALHOST, 128, Scope::Loopback),
    // EC2's own, fd00:ec2::254 (credentials) among them.
    (Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0), 32, Scope::Reserved),
    // RFC 4193.
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, Scope::Private),
    // RFC 2928, Teredo (RFC 4380) among it: a tunnel to an IPv4 address of the URL's author's choice.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, Scope::Reserved),
    // RFC 3849.
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, Scope::Reserved),
    // RFC 9637.
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, Scope::Reserved),
    (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3, Scope::Public),
    (Ipv6Addr::UNSPECIFIED, 0, Scope::Reserved),
];

/// Whether an address can be reached from everywhere, so that asking it tells nobody more than they could ask for
/// themselves. IPv6 addresses that stand for an IPv4 address (mapped, 6to4, NAT64) are judged by that.
///
/// ```
/// assert!(source_http::is_public([8, 8, 8, 8].into()));
/// assert!(!source_http::is_public("::ffff:169.254.169.254".parse()?));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
pub fn is_public(address: IpAddr) -> bool {
    scope(address) == Scope::Public
}

pub(crate) fn scope(address: IpAddr) -> Scope {
    match address {
        IpAddr::V4(address) => scope_v4(address),
        IpAddr::V6(address) => embedded(address).map_or_else(|| scope_v6(address), scope_v4),
    }
}

fn scope_v4(address: Ipv4Addr) -> Scope {
    let inside =
        |base: Ipv4Addr, length: u32| starts_alike(address.to_bits().into(), base.to_bits().into(), 32 - length);
    IPV4.iter().find(|(base, length, _)| inside(*base, *length)).map_or(Scope::Public, |(_, _, scope)| *scope)
}

fn scope_v6(address: Ipv6Addr) -> Scope {
    let inside = |base: Ipv6Addr, length: u32| starts_alike(address.to_bits(), base.to_bits(), 128 - length);
    IPV6.iter().find(|(base, length, _)| inside(*base, *length)).map_or(Scope::Reserved, |(_, _, scope)| *scope)
}

/// Whether two addresses are the same but for their last `free` bits.
fn starts_alike(a: u128, b: u128, free: u32) -> bool {
    (a ^ b).checked_shr(free).is_none_or(|differing| differing == 0)
}

/// The IPv4 address that is dialled in the end.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        // Mapped (RFC 4291 §2.5.5.2), NAT64 (RFC 6052 §2.1), 6to4 (RFC 3056 §2).
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_public_text(text: &str) -> bool {
        is_public(text.parse().unwrap())
    }

    /// First and last address, and their neighbours outside where those are public.
    const DENIED: [(&str, &str, Option<&str>, Option<&str>); 34] = [
        ("0.0.0.0", "0.255.255.255", None, Some("1.0.0.0")),
        ("10.0.0.0", "10.255.255.255", Some("9.255.255.255"), Some("11.0.0.0")),
        ("100.64.0.0", "100.127.255.255", Some("100.63.255.255"), Some("100.128.0.0")),
        ("127.0.0.0", "127.255.255.255", Some("126.255.255.255"), Some("128.0.0.0")),
        ("169.254.0.0", "169.254.255.255", Some("169.253.255.255"), Some("169.255.0.0")),
        ("172.16.0.0", "172.31.255.255", Some("172.15.255.255"), Some("172.32.0.0")),
        ("192.0.0.0", "192.0.0.255", Some("191.255.255.255"), Some("192.0.1.0")),
        ("192.0.2.0", "192.0.2.255", Some("192.0.1.255"), Some("192.0.3.0")),
        ("192.168.0.0", "192.168.255.255", Some("192.167.255.255"), Some("192.169.0.0")),
        ("198.18.0.0", "198.19.255.255", Some("198.17.255.255"), Some("198.20.0.0")),
        ("198.51.100.0", "198.51.100.255", Some("198.51.99.255"), Some("198.51.101.0")),
        ("203.0.113.0", "203.0.113.255", Some("203.0.112.255"), Some("203.0.114.0")),
        ("224.0.0.0", "239.255.255.255", Some("223.255.255.255"), None),
        ("240.0.0.0", "255.255.255.255", None, None),
        ("::", "::ffff:0:0", None, None),
        ("::1", "::a9fe:a9fe", None, None),
        ("::808:808", "::ffff:ffff", None, None),
        ("64:ff9b:0:0:0:1::", "64:ff9b:ffff:ffff:ffff:ffff:ffff:ffff", None, None),
        ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", None, None),
        ("64:ff9b:1::808:808", "64:ff9b:1:808:8:800::", None, None),
        ("100::", "100::ffff:ffff:ffff:ffff", None, None),
        ("::ffff:0:0:0", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None, Some("2000::")),
        ("2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff", Some("2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), None),
        ("2001:2::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", None, Some("2001:200::")),
        (
            "2001:db8::",
            "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
            Some("2001:db7:ffff:ffff:ffff:ffff:ffff:ffff"),
            Some("2001:db9::"),
        ),
        ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", Some("3ffe:ffff::"), Some("3fff:1000::")),
        ("4000::", "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some("3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), None),
        ("5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None, None),
        ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None, None),
        ("fd00:ec2::253", "fd00:ec2::254", None, None),
        ("fe00::", "fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None, None),
        ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None, None),
        ("fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None, None),
        ("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None, None),
    ];

    #[test]
    fn the_edges_of_every_range() {
        for (first, last, before, after) in DENIED {
            assert!(!is_public_text(first) && !is_public_text(last), "{first} to {last}");
            for outside in [before, after].into_iter().flatten() {
                assert!(is_public_text(outside), "{outside}");
            }
        }
    }

    #[test]
    fn what_stands_for_another_address_is_judged_by_that() {
        for (text, public) in [
            ("::ffff:169.254.169.254", false),
            ("::ffff:8.8.8.8", true),
            ("64:ff9b::127.0.0.1", false),
            ("64:ff9b::8.8.8.8", true),
            ("2002:7f00:1::", false),
            ("2002:a9fe:a9fe:1::1", false),
            ("2002:808:808::1", true),
            ("::127.0.0.1", false),
            ("2001:0:808:808::f7f7:f7f7", false),
        ] {
            assert_eq!(is_public_text(text), public, "{text}");
        }
    }

    #[test]
    fn what_a_marked_name_may_have_is_told_from_what_none_may() {
        for (text, expected) in [
            ("10.1.2.3", Scope::Private),
            ("::ffff:10.1.2.3", Scope::Private),
            ("100.100.100.200", Scope::Private),
            ("fd12::1", Scope::Private),
            ("fd00:ec2::254", Scope::Reserved),
            ("169.254.170.2", Scope::Reserved),
            ("0.0.0.0", Scope::Reserved),
            ("127.9.9.9", Scope::Loopback),
            ("::1", Scope::Loopback),
            ("::ffff:127.0.0.1", Scope::Loopback),
            ("2606:2800:220:1::1", Scope::Public),
        ] {
            assert_eq!(scope(text.parse().unwrap()), expected, "{text}");
        }
    }

    /// The same ranges once more, as the security checklist has them.
    const CHECKLIST: [([u8; 4], u32); 12] = [
        ([0, 0, 0, 0], 8),
        ([10, 0, 0, 0], 8),
        ([100, 64, 0, 0], 10),
        ([127, 0, 0, 0], 8),
        ([169, 254, 0, 0], 16),
        ([172, 16, 0, 0], 12),
        ([192, 0, 0, 0], 24),
        ([192, 0, 2, 0], 24),
        ([192, 168, 0, 0], 16),
        ([198, 18, 0, 0], 15),
        ([203, 0, 113, 0], 24),
        ([224, 0, 0, 0], 3),
    ];

    fn denied_v4() -> impl Strategy<Value = Ipv4Addr> {
        (prop::sample::select(&CHECKLIST[..]), any::<u32>())
            .prop_map(|((base, length), bits)| Ipv4Addr::from_bits(u32::from_be_bytes(base) | (bits >> length)))
    }

    /// The forms in which IPv6 carries an IPv4 address.
    fn forms(v4: Ipv4Addr, rest: u64) -> [Ipv6Addr; 6] {
        let bits = u128::from(v4.to_bits());
        let prefix = |text: &str| text.parse::<Ipv6Addr>().unwrap().to_bits();
        [
            prefix("::ffff:0:0") | bits,
            bits,
            prefix("2002::") | (bits << 80) | u128::from(rest),
            prefix("64:ff9b::") | bits,
            prefix("64:ff9b:1::") | bits,
            prefix("2001::") | (u128::from(rest) << 32) | (bits ^ 0xffff_ffff),
        ]
        .map(Ipv6Addr::from_bits)
    }

    proptest! {
        #[test]
        fn no_form_makes_a_denied_address_public(v4 in denied_v4(), rest: u64) {
            prop_assert!(!is_public(v4.into()), "{v4}");
            for v6 in forms(v4, rest) {
                prop_assert!(!is_public(v6.into()), "{v6} of {v4}");
            }
        }

        #[test]
        fn the_mapped_form_changes_nothing(bits: u32) {
            let v4 = Ipv4Addr::from_bits(bits);
            prop_assert_eq!(scope(v4.into()), scope(v4.to_ipv6_mapped().into()));
        }

        #[test]
        fn public_is_never_what_the_standard_library_knows_better(bits: u128) {
            let v6 = Ipv6Addr::from_bits(bits);
            let local = v6.is_loopback() || v6.is_multicast() || v6.is_unicast_link_local() || v6.is_unique_local();
            prop_assert!(!(local && is_public(v6.into())), "{v6}");
        }
    }
}
