mod parse;

use std::net::IpAddr;

use url::Host;

pub use self::parse::AllowedHostsError;

use crate::address::{Scope, scope};

/// The ports of an entry that names none: HTTP and HTTPS, and where Tomcat, hence THREDDS and ERDDAP, puts them.
pub(crate) const STANDARD_PORTS: [u16; 4] = [80, 443, 8080, 8443];
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
