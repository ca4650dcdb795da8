use reqwest::Url;
use run::SourceUrl;
use url::Host;

use crate::{
    address::{Scope, scope},
    allowed::{AllowedHosts, Permit, is_localhost, without_root},
    trouble::authority,
};

/// What may be asked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Reach {
    /// Whatever the URL names. Right where whoever chose the URL could ask for it themselves: on their own machine.
    #[default]
    Anywhere,
    /// These hosts, and of those without a mark only public addresses. Right where others choose the URL: what they
    /// cannot reach themselves, neither can they through us.
    ///
    /// Each request is held to it, every redirect's too; names are resolved once, and the address that was checked is
    /// the one that is dialled. The proxies of the environment are ignored, since nothing could be checked behind them.
    Guarded(AllowedHosts),
}

/// Why something may not be asked. Nothing was sent there.
///
/// It names the host as the URL does, never the addresses that it has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAllowed {
    /// Neither http nor https.
    #[error("the scheme `{scheme}` is never asked, expected http or https")]
    Scheme {
        /// The scheme.
        scheme: String,
    },
    /// A user name or a password, with which another host can be made to look like this one.
    #[error("`{host}` is asked for with a user name or a password in the URL; nothing was sent there")]
    Credentials {
        /// The host.
        host: String,
    },
    /// A host that is not on the list.
    #[error(
        "`{host}` is not among the hosts that may be read here; whoever runs this stack can add it to its parameter \
         AllowedSourceHosts"
    )]
    Host {
        /// The host, and the port if it is not the scheme's own.
        host: String,
    },
    /// A port that is neither a standard one nor on the list.
    #[error(
        "port {port} of `{host}` may not be read here, only those that the parameter AllowedSourceHosts names, or 80, 443, \
         8080 and 8443; whoever runs this stack can add `{host}:{port}`"
    )]
    Port {
        /// The host.
        host: String,
        /// The port.
        port: u16,
    },
    /// An address of a private network, or of the machine itself, that was not opened.
    #[error(
        "`{host}` is not public, and nothing was sent there; if it is meant to be read, whoever runs this stack can add \
         `{entry}` to its parameter AllowedSourceHosts"
    )]
    NotPublic {
        /// The host.
        host: String,
        /// What would open it.
        entry: String,
    },
    /// An address that nothing opens.
    #[error(
        "`{host}` has an address where no source may be, and nothing was sent there; no AllowedSourceHosts opens it"
    )]
    Never {
        /// The host.
        host: String,
    },
}

impl Reach {
    /// Whether a dataset may be read, as far as its URL tells: a name's addresses are looked at when it is asked.
    ///
    /// # Errors
    /// [`NotAllowed`] says what would have to change.
    pub fn check(&self, url: &SourceUrl) -> Result<(), NotAllowed> {
        self.admit(&url.response("", None)).map(|_| ())
    }

    /// What addresses the host of a URL may have, if it may be asked at all.
    pub(crate) fn admit(&self, url: &Url) -> Result<Permit, NotAllowed> {
        let Self::Guarded(allowed) = self else { return Ok(Permit::Public) };
        let host_text = || url.host_str().unwrap_or_default().to_owned();
        let (Some(host), Some(port), "http" | "https") = (url.host(), url.port_or_known_default(), url.scheme()) else {
            return Err(NotAllowed::Scheme { scheme: url.scheme().to_owned() });
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(NotAllowed::Credentials { host: host_text() });
        }
        if literal_scope(&host) == Some(Scope::Reserved) {
            return Err(NotAllowed::Never { host: host_text() });
        }
        allowed.permit(&host, port).ok_or_else(|| {
            if allowed.holds(&host) {
                NotAllowed::Port { host: host_text(), port }
            } else if allowed.is_open() {
                NotAllowed::NotPublic { host: host_text(), entry: authority(url) }
            } else {
                NotAllowed::Host { host: authority(url) }
            }
        })
    }

    /// All permits that a URL may get.
    pub(crate) fn permits(&self) -> Vec<Permit> {
        match self {
            Self::Anywhere => Vec::new(),
            Self::Guarded(allowed) => allowed.permits().collect(),
        }
    }
}

/// The scope of an address that stands in a URL itself, so that no resolver sees it.
fn literal_scope(host: &Host<&str>) -> Option<Scope> {
    match host {
        Host::Domain(_) => None,
        Host::Ipv4(address) => Some(scope((*address).into())),
        Host::Ipv6(address) => Some(scope((*address).into())),
    }
}

impl NotAllowed {
    /// The error of a name that has an address it may not have.
    pub(crate) fn addresses(name: &str, permit: Permit, found: impl IntoIterator<Item = Scope>) -> Self {
        let host = without_root(name).to_owned();
        let may_be_opened = |scope| matches!(scope, Scope::Public | Scope::Private);
        if permit == Permit::Public && !is_localhost(&host) && found.into_iter().all(may_be_opened) {
            let entry = format!("{host}=private");
            return Self::NotPublic { host, entry };
        }
        Self::Never { host }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guarded(list: &str) -> Reach {
        Reach::Guarded(list.parse().unwrap())
    }

    fn admit(list: &str, url: &str) -> Result<Permit, NotAllowed> {
        guarded(list).admit(&url.parse().unwrap())
    }

    /// How the refusal is called, and what it says of the host.
    fn refused(list: &str, url: &str) -> (&'static str, String) {
        match admit(list, url).unwrap_err() {
            NotAllowed::Scheme { scheme } => ("scheme", scheme),
            NotAllowed::Credentials { host } => ("credentials", host),
            NotAllowed::Host { host } => ("host", host),
            NotAllowed::Port { host, port } => ("port", format!("{host}:{port}")),
            NotAllowed::NotPublic { entry, .. } => ("not public", entry),
            NotAllowed::Never { host } => ("never", host),
        }
    }

    #[test]
    fn without_a_list_any_public_host_may_be_asked_at_the_usual_ports() {
        for url in
            ["http://a.org/", "https://a.org/", "http://a.org:8080/", "https://8.8.8.8:8443/", "https://a.org:80/"]
        {
            assert_eq!(admit("", url), Ok(Permit::Public), "{url}");
        }
        assert_eq!(refused("", "http://a.org:9001/"), ("port", "a.org:9001".to_owned()));
        assert_eq!(admit("*,*:9001", "http://a.org:9001/"), Ok(Permit::Public));
        assert_eq!(refused("*:9001", "http://a.org/"), ("port", "a.org:80".to_owned()));
    }

    #[test]
    fn addresses_in_any_notation_are_seen_through() {
        for url in [
            "http://127.0.0.1/",
            "http://0x7f.1/",
            "http://2130706433/",
            "http://017700000001/",
            "http://127.1/",
            "http://127.0.0.1./",
            "http://%31%32%37.0.0.1/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://10.0.0.1:8080/",
            "http://[fd12::1]/",
            "http://localhost/",
            "http://LOCALHOST/",
            "http://localhost./",
            "http://a.localhost/",
            "http://ⓛocalhost/",
        ] {
            assert_eq!(refused("", url).0, "not public", "{url}");
            assert_eq!(refused("a.org", url).0, "host", "{url}");
            assert_eq!(refused("*.a.org,*.localhost", url).0, "host", "{url}");
        }
    }

    #[test]
    fn what_gives_out_credentials_is_opened_by_nothing() {
        for url in [
            "http://169.254.169.254/",
            "http://169.254.170.2/",
            "http://[::ffff:169.254.169.254]/",
            "http://[fd00:ec2::254]/",
            "http://0/",
            "http://[64:ff9b::169.254.169.254]/",
            "http://[::]/",
        ] {
            for list in ["", "a.org", "10.0.0.1"] {
                assert_eq!(refused(list, url).0, "never", "{url}");
            }
        }
    }

    #[test]
    fn a_list_is_all_there_is() {
        let list = "opendap.example.org, *.example.com, bücher.example, ports.org:9090";
        for url in [
            "https://opendap.example.org/",
            "https://OPENDAP.Example.org./",
            "http://a.example.com/",
            "http://a.b.example.com:8080/",
            "https://BÜCHER.example/",
            "https://xn--bcher-kva.example/",
            "http://ports.org:9090/",
        ] {
            assert_eq!(admit(list, url), Ok(Permit::Public), "{url}");
        }
        for url in [
            "https://example.org/",
            "https://example.com/",
            "https://badexample.com/",
            "https://a.example.com.evil.org/",
            "https://opendap.example.org.evil.org/",
            "https://8.8.8.8/",
        ] {
            assert_eq!(refused(list, url).0, "host", "{url}");
        }
        assert_eq!(refused(list, "http://ports.org/"), ("port", "ports.org:80".to_owned()));
        assert_eq!(refused(list, "http://opendap.example.org:9090/"), ("port", "opendap.example.org:9090".to_owned()));
        assert_eq!(refused(list, "http://evil.org:81/"), ("host", "evil.org:81".to_owned()));
    }

    #[test]
    fn only_a_full_name_or_an_address_opens_what_is_not_public() {
        let list = "*, in.example.org:8080=private, in.example.org, 127.0.0.1:9090, [fd12::1], localhost:81";
        assert_eq!(admit(list, "http://in.example.org:8080/"), Ok(Permit::PublicOrPrivate));
        assert_eq!(admit(list, "http://in.example.org/"), Ok(Permit::Public));
        assert_eq!(admit(list, "http://a.in.example.org:8080/"), Ok(Permit::Public));
        assert_eq!(admit(list, "http://localhost:81/"), Ok(Permit::Loopback));
        for url in ["http://127.0.0.1:9090/", "http://[::ffff:7f00:1]:9090/", "http://[fd12::1]:8443/"] {
            assert_eq!(admit(list, url), Ok(Permit::Public), "{url}");
        }
        assert_eq!(refused(list, "http://127.0.0.1:9001/"), ("port", "127.0.0.1:9001".to_owned()));
        assert_eq!(refused(list, "http://localhost/"), ("port", "localhost:80".to_owned()));
        assert_eq!(refused(list, "http://127.0.0.2:9090/"), ("not public", "127.0.0.2:9090".to_owned()));
    }

    #[test]
    fn other_schemes_and_users_are_refused() {
        for url in ["ftp://a.org/", "file:///etc/passwd", "gopher://a.org:80/", "data:,x"] {
            assert_eq!(refused("a.org", url).0, "scheme", "{url}");
        }
        for url in ["http://a.org@evil.org/", "http://:secret@a.org/"] {
            let error = admit("a.org", url).unwrap_err();
            assert!(
                matches!(error, NotAllowed::Credentials { .. }) && !error.to_string().contains("secret"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_plan_can_ask_first() {
        let check = |url: &str| guarded("a.org").check(&url.parse().unwrap());
        assert_eq!(check("https://a.org/dap/x.nc"), Ok(()));
        let error = check("https://b.org/dap/x.nc").unwrap_err().to_string();
        assert!(error.starts_with("`b.org` is not among") && error.contains("AllowedSourceHosts"), "{error}");
        assert_eq!(Reach::Anywhere.check(&"http://127.0.0.1:9001/x".parse().unwrap()), Ok(()));
    }
}
