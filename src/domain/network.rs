//! Networks, as CIDR notation says them.

// Addresses as values: `core` cannot talk.
use core::net::IpAddr;

use ipnet::IpNet;

/// Why a text is no network that an allowlist can hold, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNetwork {
    /// It is neither a network nor an address.
    #[error("is no network in CIDR notation; write it like 198.51.100.0/24 or 2001:db8::/32")]
    NotCidr,
    /// It is an address without a prefix length.
    #[error("has no prefix length; write {0} for this one address")]
    NoPrefix(IpNet),
    /// It has bits after its prefix.
    #[error("has bits set after its prefix; write {0} for the network, or /{max} for the one address", max = .0.max_prefix_len())]
    HostBits(IpNet),
    /// It is everybody.
    #[error("is every address there is; leave it out and do not require the allowlist instead")]
    Everybody,
    /// It is an IPv4 network in the clothes of IPv6, which no IPv4 call would match.
    #[error("is an IPv4 network written as IPv6; write it in IPv4 notation")]
    Mapped,
}

/// The network that a text is.
///
/// # Errors
/// When it is none that an allowlist can hold; the sentence goes on from the text.
pub fn parse_network(text: &str) -> Result<IpNet, InvalidNetwork> {
    let Ok(network) = text.parse::<IpNet>() else {
        return Err(match text.parse::<IpAddr>() {
            Ok(address) => InvalidNetwork::NoPrefix(address.into()),
            Err(_) => InvalidNetwork::NotCidr,
        });
    };
    if network.prefix_len() == 0 {
        return Err(InvalidNetwork::Everybody);
    }
    if let IpAddr::V6(address) = network.addr()
        && address.to_ipv4_mapped().is_some()
    {
        return Err(InvalidNetwork::Mapped);
    }
    if network.trunc() != network {
        return Err(InvalidNetwork::HostBits(network.trunc()));
    }
    Ok(network)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b55_a_network_is_written_in_one_way() {
        for (text, canonical) in [
            ("198.51.100.0/24", "198.51.100.0/24"),
            ("198.51.100.7/32", "198.51.100.7/32"),
            ("128.0.0.0/1", "128.0.0.0/1"),
            ("2001:DB8:0::/32", "2001:db8::/32"),
            ("2001:db8::1/128", "2001:db8::1/128"),
        ] {
            assert_eq!(parse_network(text).expect(text).to_string(), canonical);
        }
    }

    #[test]
    fn b55_what_is_no_network_is_told_with_its_remedy() {
        for (text, remedy) in [
            ("", "CIDR notation"),
            ("somewhere", "CIDR notation"),
            ("198.51.100.0/33", "CIDR notation"),
            ("198.51.100.0/-1", "CIDR notation"),
            ("198.51.100.256/32", "CIDR notation"),
            ("198.51.100.0/24 ", "CIDR notation"),
            ("2001:db8::/129", "CIDR notation"),
            ("198.51.100.0-198.51.100.9", "CIDR notation"),
            ("198.51.100.7", "write 198.51.100.7/32"),
            ("2001:db8::1", "write 2001:db8::1/128"),
            ("198.51.100.7/24", "write 198.51.100.0/24 for the network, or /32"),
            ("2001:db8::1/32", "write 2001:db8::/32 for the network, or /128"),
            ("0.0.0.0/0", "do not require"),
            ("::/0", "do not require"),
            ("::ffff:198.51.100.0/120", "IPv4 notation"),
        ] {
            let sentence = parse_network(text).expect_err(text).to_string();
            assert!(sentence.contains(remedy), "{text:?}: {sentence}");
        }
    }
}
