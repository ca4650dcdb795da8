use std::{fmt, net::IpAddr, str::FromStr};

use url::Host;

use super::{AllowedHosts, Entry, Pattern, Permit, is_localhost, without_root};
use crate::address::{Scope, scope};

/// Ends an entry whose name may have addresses of a private network.
const MARK: &str = "=private";

/// Why a text is not a list of hosts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AllowedHostsError {
    /// Nothing between two commas. A list that is shorter than it was meant to be is no list.
    #[error("`{list}` has an empty entry, expected a host between any two commas")]
    Blank {
        /// The whole text.
        list: String,
    },
    /// A URL, or a part of one that is not the host's.
    #[error("`{entry}` is not a host, expected something like `opendap.example.org`, without scheme, user or path")]
    NotHost {
        /// The entry.
        entry: String,
    },
    /// A host that cannot be.
    #[error("`{entry}` cannot be a host ({reason}), expected something like `opendap.example.org`")]
    Host {
        /// The entry.
        entry: String,
        /// What the parser said.
        reason: String,
    },
    /// A port that cannot be.
    #[error("`{entry}` has a port that is none, expected 1 to 65535; an IPv6 address stands in brackets")]
    Port {
        /// The entry.
        entry: String,
    },
    /// An asterisk that is not the whole first part of a name.
    #[error("`{entry}` has an asterisk in the wrong place, expected `*` or something like `*.example.org`")]
    Wildcard {
        /// The entry.
        entry: String,
    },
    /// A private network opened for more than one name, or for what is no name.
    #[error(
        "`{entry}` cannot be marked private: only a full name can, as in `opendap.corp.example.org=private`; an address \
         and `localhost` need no mark"
    )]
    Marked {
        /// The entry.
        entry: String,
    },
    /// An address where no dataset may be.
    #[error("`{entry}` is an address that is never asked: link-local, multicast, for documentation or reserved")]
    Reserved {
        /// The entry.
        entry: String,
    },
}

impl FromStr for AllowedHosts {
    type Err = AllowedHostsError;

    fn from_str(text: &str) -> Result<Self, AllowedHostsError> {
        if text.trim().is_empty() {
            return Ok(Self::any_public());
        }
        let entries = text.split(',').map(str::trim).map(|entry| {
            if entry.is_empty() { Err(AllowedHostsError::Blank { list: text.to_owned() }) } else { entry.parse() }
        });
        entries.collect::<Result<_, _>>().map(Self)
    }
}

impl TryFrom<&str> for AllowedHosts {
    type Error = AllowedHostsError;

    fn try_from(text: &str) -> Result<Self, AllowedHostsError> {
        text.parse()
    }
}

impl FromStr for Entry {
    type Err = AllowedHostsError;

    /// `host [":" port] ["=private"]`.
    fn from_str(text: &str) -> Result<Self, AllowedHostsError> {
        let entry = || text.to_owned();
        let (rest, marked) = text.strip_suffix(MARK).map_or((text, false), |rest| (rest, true));
        if rest.contains(|c: char| matches!(c, '/' | '\\' | '@' | '?' | '#' | '%' | '=') || c.is_whitespace()) {
            return Err(AllowedHostsError::NotHost { entry: entry() });
        }
        // The colons of an IPv6 address stand before its bracket.
        let colon = rest.rfind(':').filter(|colon| rest.rfind(']').is_none_or(|bracket| bracket < *colon));
        let (host, port) = match colon.and_then(|at| rest.split_at_checked(at)) {
            None => (rest, None),
            Some((host, port)) => {
                let port = number(port).filter(|_| host.ends_with(']') || !host.contains(':'));
                (host, Some(port.ok_or_else(|| AllowedHostsError::Port { entry: entry() })?))
            }
        };
        Ok(Self { pattern: pattern(host, marked, text)?, port })
    }
}

/// A colon and a port.
fn number(port: &str) -> Option<u16> {
    let digits = port.strip_prefix(':').filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?;
    digits.parse().ok().filter(|port| *port > 0)
}

fn pattern(host: &str, marked: bool, entry: &str) -> Result<Pattern, AllowedHostsError> {
    let entry = || entry.to_owned();
    if host.starts_with('*') {
        if marked {
            return Err(AllowedHostsError::Marked { entry: entry() });
        }
        return match host.strip_prefix("*.") {
            None if host == "*" => Ok(Pattern::Any),
            Some(rest) if !rest.contains('*') && !rest.starts_with('.') => match parse(rest, entry)? {
                Host::Domain(name) => Ok(Pattern::Below(format!(".{}", without_root(&name)))),
                Host::Ipv4(_) | Host::Ipv6(_) => Err(AllowedHostsError::Wildcard { entry: entry() }),
            },
            None | Some(_) => Err(AllowedHostsError::Wildcard { entry: entry() }),
        };
    }
    if host.contains('*') {
        return Err(AllowedHostsError::Wildcard { entry: entry() });
    }
    let address = match parse(host, entry)? {
        Host::Domain(name) => return named(without_root(&name), marked, entry),
        Host::Ipv4(address) => IpAddr::V4(address),
        Host::Ipv6(address) => IpAddr::V6(address).to_canonical(),
    };
    match scope(address) {
        _ if marked => Err(AllowedHostsError::Marked { entry: entry() }),
        Scope::Reserved => Err(AllowedHostsError::Reserved { entry: entry() }),
        Scope::Public | Scope::Private | Scope::Loopback => Ok(Pattern::Address(address)),
    }
}

fn named(name: &str, marked: bool, entry: impl Fn() -> String) -> Result<Pattern, AllowedHostsError> {
    let permit = match (is_localhost(name), marked) {
        (true, true) => return Err(AllowedHostsError::Marked { entry: entry() }),
        (true, false) => Permit::Loopback,
        (false, true) => Permit::PublicOrPrivate,
        (false, false) => Permit::Public,
    };
    Ok(Pattern::Name(name.to_owned(), permit))
}

/// As it stands in a URL: lower case, IDNA done, odd notations of addresses undone.
fn parse(host: &str, entry: impl Fn() -> String) -> Result<Host, AllowedHostsError> {
    let refused = |reason: String| AllowedHostsError::Host { entry: entry(), reason };
    let host = Host::parse(host).map_err(|error| refused(error.to_string()))?;
    if let Host::Domain(name) = &host
        && without_root(name).split('.').any(str::is_empty)
    {
        return Err(refused("two dots, or nothing between them".to_owned()));
    }
    Ok(host)
}

impl fmt::Display for AllowedHosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, entry) in self.0.iter().enumerate() {
            write!(f, "{}{entry}", if at == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match &self.pattern {
            Pattern::Name(_, Permit::PublicOrPrivate) => MARK,
            Pattern::Name(..) | Pattern::Any | Pattern::Below(_) | Pattern::Address(_) => "",
        };
        match &self.pattern {
            Pattern::Any => f.write_str("*"),
            Pattern::Below(suffix) => write!(f, "*{suffix}"),
            Pattern::Name(name, _) => f.write_str(name),
            Pattern::Address(IpAddr::V4(address)) => address.fmt(f),
            Pattern::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))?;
        f.write_str(mark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(text: &str) -> Result<AllowedHosts, AllowedHostsError> {
        text.parse()
    }

    #[test]
    fn entries_are_read_as_the_hosts_of_urls_are() {
        for (text, expected) in [
            ("", "*"),
            (" \n", "*"),
            ("*", "*"),
            ("*:9090", "*:9090"),
            ("OPeNDAP.Example.ORG", "opendap.example.org"),
            ("example.org.", "example.org"),
            ("bücher.example,*.BÜCHER.example:81", "xn--bcher-kva.example,*.xn--bcher-kva.example:81"),
            ("a.org , *.b.org:9090,\nc.org:81=private", "a.org,*.b.org:9090,c.org:81=private"),
            ("10.0.3.7,127.0.0.1:8080,0x7f.1,localhost:81", "10.0.3.7,127.0.0.1:8080,127.0.0.1,localhost:81"),
            ("[FD12::7],[::1]:8080,[::ffff:10.0.0.1]", "[fd12::7],[::1]:8080,10.0.0.1"),
        ] {
            let list = hosts(text).unwrap();
            assert_eq!(list.to_string(), expected, "{text}");
            assert_eq!(hosts(expected).unwrap(), list);
        }
    }

    #[test]
    fn a_list_with_a_gap_does_not_open_everything() {
        for text in [",", "a.org,", "a.org,,b.org"] {
            assert_eq!(hosts(text), Err(AllowedHostsError::Blank { list: text.to_owned() }));
        }
    }

    fn kind(error: &AllowedHostsError) -> (&'static str, &str) {
        match error {
            AllowedHostsError::Blank { list } => ("blank", list),
            AllowedHostsError::NotHost { entry } => ("not a host", entry),
            AllowedHostsError::Host { entry, .. } => ("host", entry),
            AllowedHostsError::Port { entry } => ("port", entry),
            AllowedHostsError::Wildcard { entry } => ("wildcard", entry),
            AllowedHostsError::Marked { entry } => ("marked", entry),
            AllowedHostsError::Reserved { entry } => ("reserved", entry),
        }
    }

    #[test]
    fn what_cannot_be_an_entry_is_named() {
        for (expected, entries) in [
            ("not a host", &["https://a.org", "a.org/dap", "me@a.org", "a.org b.org", "%6c.org", "a.org=public"][..]),
            ("host", &["a..org", ".", "*.a..org", "*.", "1.2.3.4.5", "a|b", ":80"]),
            (
                "port",
                &["a.org:", "a.org:0", "a.org:65536", "a.org:+80", "a.org:x", "fd12::7", "::1", "[::1", "[::1]80:"],
            ),
            ("wildcard", &["a.*.org", "*a.org", "**", "*.*.org", "*..org", "*.10.0.0.1", "a*"]),
            ("marked", &["*=private", "*.a.org=private", "10.0.0.1=private", "localhost=private"]),
            ("reserved", &["169.254.169.254", "0.0.0.0", "[fe80::1]", "[::ffff:169.254.1.1]", "224.0.0.1:80", "0"]),
        ] {
            for entry in entries {
                let error = hosts(&format!("b.org, {entry}")).unwrap_err();
                assert_eq!(kind(&error), (expected, *entry), "{error}");
                assert!(error.to_string().contains(&format!("`{entry}`")), "{error}");
            }
        }
    }
}
