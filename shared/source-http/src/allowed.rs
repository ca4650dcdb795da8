use std::{fmt, net::IpAddr, str::FromStr};

use url::Host;

use crate::address::{Scope, scope};

/// The ports of an entry that names none: HTTP and HTTPS, and where Tomcat, hence THREDDS and ERDDAP, puts them.
pub(crate) const STANDARD_PORTS: [u16; 4] = [80, 443, 8080, 8443];
/// Ends an entry whose name may have addresses of a private network.
const MARK: &str = "=private";

/// The hosts that may be asked: entries with commas between them.
///
/// | entry | what it allows |
/// |---|---|
/// | `*` | any host with public addresses |
/// | `*.example.org` | any host below `example.org`, not `example.org` itself, with public addresses |
/// | `opendap.example.org` | that host, with public addresses |
/// | `opendap.corp.example.org=private` | that host, with public or private addresses (RFC 1918, 6598, 4193) |
/// | `10.0.3.7`, `[fd12::7]`, `127.0.0.1` | that very address, public or not |
/// | `localhost` | that name, with loopback addresses |
///
/// An entry may end in a port (`example.org:9090`, `*.example.org:9090`, `host:9090=private`) and then allows that one
/// alone; without it, it allows 80, 443, 8080 and 8443. A text without entries is the same as `*`: any public host.
///
/// Only an entry that names one host, all of it, opens an address that is not public, and only for that host: whoever
/// runs a stack has written it down. A name is not trusted with private addresses unless it is marked, since whoever
/// owns the name chooses its addresses. Link-local addresses, where clouds give out credentials, multicast and reserved
/// ones are opened by no entry.
///
/// ```
/// let hosts: source_http::AllowedHosts = "*.example.org, urs.earthdata.nasa.gov, 10.0.3.7:8080".parse()?;
/// # Ok::<(), source_http::AllowedHostsError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedHosts(Vec<Entry>);

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
    #[error("`{entry}` is marked private, which only a host's full name can be, as in `opendap.corp.example.org=private`")]
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

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    pattern: Pattern,
    /// None is all standard ones.
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    Any,
    /// With its dot in front.
    Below(String),
    Name(String, Permit),
    Address(IpAddr),
}

/// The addresses that a name may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Permit {
    Public,
    PublicOrPrivate,
    Loopback,
}

impl Permit {
    pub(crate) fn covers(self, scope: Scope) -> bool {
        match self {
            Self::Public => scope == Scope::Public,
            Self::PublicOrPrivate => matches!(scope, Scope::Public | Scope::Private),
            Self::Loopback => scope == Scope::Loopback,
        }
    }
}

/// Whether a name is always the machine itself (RFC 6761 §6.3).
pub(crate) fn is_localhost(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

/// A name without the dot that may end it.
pub(crate) fn without_root(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

impl AllowedHosts {
    /// Any host with public addresses.
    pub fn any_public() -> Self {
        Self(vec![Entry { pattern: Pattern::Any, port: None }])
    }

    /// What addresses the host may have when it is asked at this port; nothing if it may not be asked.
    pub(crate) fn permit(&self, host: &Host<&str>, port: u16) -> Option<Permit> {
        let at_port = |entry: &&Entry| entry.port.map_or(STANDARD_PORTS.contains(&port), |only| only == port);
        self.0.iter().filter(at_port).filter_map(|entry| entry.pattern.permit(host)).max()
    }

    /// Whether the host may be asked at some port.
    pub(crate) fn holds(&self, host: &Host<&str>) -> bool {
        self.0.iter().any(|entry| entry.pattern.permit(host).is_some())
    }

    /// Whether any host may be asked that is public.
    pub(crate) fn is_open(&self) -> bool {
        self.0.iter().any(|entry| entry.pattern == Pattern::Any)
    }

    /// All permits that a name may get.
    pub(crate) fn permits(&self) -> impl Iterator<Item = Permit> {
        [Permit::Public, Permit::PublicOrPrivate, Permit::Loopback]
            .into_iter()
            .filter(|permit| self.0.iter().any(|entry| entry.pattern.gives(*permit)))
    }
}

impl Default for AllowedHosts {
    fn default() -> Self {
        Self::any_public()
    }
}

impl Pattern {
    fn permit(&self, host: &Host<&str>) -> Option<Permit> {
        let address = match host {
            Host::Domain(name) => return self.permit_name(without_root(name)),
            Host::Ipv4(address) => IpAddr::V4(*address),
            Host::Ipv6(address) => IpAddr::V6(*address).to_canonical(),
        };
        let allowed = match self {
            Self::Any => scope(address) == Scope::Public,
            Self::Address(only) => *only == address,
            Self::Below(_) | Self::Name(..) => false,
        };
        // Nobody resolves it.
        allowed.then_some(Permit::Public)
    }

    fn permit_name(&self, name: &str) -> Option<Permit> {
        match self {
            Self::Any => (!is_localhost(name)).then_some(Permit::Public),
            Self::Below(suffix) => {
                (name.len() > suffix.len() && name.ends_with(suffix) && !is_localhost(name)).then_some(Permit::Public)
            }
            Self::Name(only, permit) => (only == name).then_some(*permit),
            Self::Address(_) => None,
        }
    }

    fn gives(&self, permit: Permit) -> bool {
        match self {
            Self::Any | Self::Below(_) | Self::Address(_) => permit == Permit::Public,
            Self::Name(_, given) => permit == *given,
        }
    }
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
                let digits = port.trim_start_matches(':');
                let number = digits.parse().ok().filter(|port| *port > 0 && digits.bytes().all(|b| b.is_ascii_digit()));
                (host, Some(number.ok_or_else(|| AllowedHostsError::Port { entry: entry() })?))
            }
        };
        Ok(Self { pattern: pattern(host, marked, text)?, port })
    }
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
