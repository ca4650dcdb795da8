use std::sync::Arc;

use reqwest::{Client, Url};

use crate::{
    HttpOptions, SetupError,
    allowed::{Permit, is_localhost},
    reach::{NotAllowed, Reach},
    resolver::{Guard, Lookup},
};

/// One client for each way to reach a host. Their connections are apart, so that none that was opened under a wider
/// permit serves a narrower one.
#[derive(Debug)]
pub(crate) enum Clients {
    Anywhere { direct: Client, proxied: Option<Client> },
    Guarded { reach: Reach, clients: Vec<(Permit, Client)>, public: Client },
}

impl Clients {
    pub(crate) fn new(options: &HttpOptions, lookup: &Arc<dyn Lookup>) -> Result<Self, SetupError> {
        let direct = || Ok(options.builder()?.no_proxy());
        let build = |builder: reqwest::ClientBuilder| builder.build().map_err(SetupError::Client);
        if options.reach == Reach::Anywhere {
            let proxied = if options.system_proxy { Some(build(options.builder()?)?) } else { None };
            return Ok(Self::Anywhere { direct: build(direct()?)?, proxied });
        }
        let guarded = |permit| build(direct()?.dns_resolver(Guard { lookup: Arc::clone(lookup), permit }));
        let wider = options.reach.permits().into_iter().filter(|permit| *permit != Permit::Public);
        let clients = wider.map(|permit| Ok((permit, guarded(permit)?))).collect::<Result<_, _>>()?;
        Ok(Self::Guarded { reach: options.reach.clone(), clients, public: guarded(Permit::Public)? })
    }

    /// The client that may ask for a URL.
    pub(crate) fn client(&self, url: &Url) -> Result<&Client, NotAllowed> {
        match self {
            Self::Anywhere { direct, proxied } => Ok(proxied.as_ref().filter(|_| !is_loopback(url)).unwrap_or(direct)),
            Self::Guarded { reach, clients, public } => {
                let permit = reach.admit(url)?;
                let wider = clients.iter().find(|(given, _)| *given == permit);
                Ok(wider.map_or(public, |(_, client)| client))
            }
        }
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => is_localhost(name),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
