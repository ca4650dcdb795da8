use std::time::SystemTime;

use reqwest::{
    Client, StatusCode, Url,
    header::{HeaderMap, LOCATION},
};
use run::ReasonKind;
use steps::{InFlight, Meter, ports::SourceError};
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, timeout_at},
};

use crate::{
    HttpOptions, SetupError,
    body::{Body, after, earliest},
    hosts::Hosts,
    redirect,
    refusal::{MAX_PAGE_BYTES, Refusal},
    trouble::{authority, no_answer, transient},
};

/// Sends requests and follows redirects, each request in its turn.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) options: HttpOptions,
    pub(crate) hosts: Hosts,
    direct: Client,
    proxied: Option<Client>,
}

/// An answer, its body yet to be read. Its turn ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Answer<'a> {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) url: Url,
    pub(crate) body: Body,
    _in_flight: Option<InFlight<'a>>,
    _turn: Option<OwnedSemaphorePermit>,
}

impl Exchange {
    pub(crate) fn new(options: HttpOptions) -> Result<Self, SetupError> {
        let direct = options.client(false)?;
        let proxied = if options.system_proxy { Some(options.client(true)?) } else { None };
        let hosts = Hosts::new(options.concurrency);
        Ok(Self { options, hosts, direct, proxied })
    }

    /// The answer to a GET after all redirects; `meter` counts it while it is in flight.
    pub(crate) async fn get<'a>(
        &self,
        mut url: Url,
        until: Option<Instant>,
        meter: Option<&'a Meter>,
    ) -> Result<Answer<'a>, SourceError> {
        for _ in 0..=redirect::MAX_REDIRECTS {
            let answer = self.send(url, until, meter).await?;
            let location = answer.headers.get(LOCATION).filter(|_| answer.status.is_redirection());
            let Some(location) = location else { return Ok(answer) };
            url = redirect::next(&answer.url, &String::from_utf8_lossy(location.as_bytes()))?;
        }
        Err(redirect::too_many(&url))
    }

    async fn send<'a>(
        &self,
        url: Url,
        until: Option<Instant>,
        meter: Option<&'a Meter>,
    ) -> Result<Answer<'a>, SourceError> {
        let at = authority(&url);
        let host = self.hosts.host(url.host_str().unwrap_or_default());
        let turn = match until {
            None => host.turn().await,
            Some(until) => timeout_at(until, host.turn()).await.map_err(|_| {
                let message = format!("no turn at `{at}` came up in the time there was; fewer workers would help");
                transient(ReasonKind::SourceUnreachable, message)
            })?,
        };
        let in_flight = meter.map(Meter::request);
        let timeouts = self.options.timeouts;
        let sent = Instant::now();
        let limit = earliest(after(sent, timeouts.first_byte), until);
        let late = || {
            let waited = limit.duration_since(sent).as_secs_f64();
            let why = if until == Some(limit) { ", and the time for it is up" } else { "" };
            transient(ReasonKind::SourceUnreachable, format!("no answer from `{at}` within {waited:.1} s{why}"))
        };
        if limit <= sent {
            return Err(late());
        }
        let request = self.client(&url).get(url.clone()).send();
        let response = timeout_at(limit, request).await.map_err(|_| late())?;
        let response = response.map_err(|error| {
            let typo = self.options.give_up_early && !host.was_reached();
            no_answer(&error, &url, timeouts.connect, typo)
        })?;
        host.reached();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = Body::new(response, url.clone(), timeouts, sent, until);
        Ok(Answer { status, headers, url, body, _in_flight: in_flight, _turn: turn })
    }

    fn client(&self, url: &Url) -> &Client {
        self.proxied.as_ref().filter(|_| !is_loopback(url)).unwrap_or(&self.direct)
    }
}

impl Answer<'_> {
    /// Reads why it is not what was asked for.
    pub(crate) async fn refusal(mut self, now: SystemTime) -> Refusal {
        let page = self.body.page(MAX_PAGE_BYTES, Vec::new()).await;
        Refusal::new(self.status, &self.headers, &self.url, &page, now)
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
