use std::{sync::Arc, time::SystemTime};

use reqwest::{
    StatusCode, Url,
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
    clients::Clients,
    hosts::{Host, Hosts},
    redirect,
    refusal::{MAX_PAGE_BYTES, Refusal},
    resolver::Lookup,
    trouble::{authority, no_answer, not_allowed, transient},
};

/// Sends requests and follows redirects, each request in its turn.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) options: HttpOptions,
    pub(crate) hosts: Hosts,
    clients: Clients,
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
    pub(crate) fn new(options: HttpOptions, lookup: &Arc<dyn Lookup>) -> Result<Self, SetupError> {
        let clients = Clients::new(&options, lookup)?;
        let hosts = Hosts::new(options.concurrency);
        Ok(Self { options, hosts, clients })
    }

    /// The answer to a GET after all redirects; `meter` counts it while it is in flight.
    pub(crate) async fn get<'a>(
        &self,
        mut url: Url,
        until: Option<Instant>,
        meter: Option<&'a Meter>,
    ) -> Result<Answer<'a>, SourceError> {
        let mut from: Option<Url> = None;
        for _ in 0..=redirect::MAX_REDIRECTS {
            let answer = self.send(url, until, meter).await;
            let answer = answer.map_err(|error| redirect::led_astray(error, from.as_ref()))?;
            let location = answer.headers.get(LOCATION).filter(|_| answer.status.is_redirection());
            let Some(location) = location else { return Ok(answer) };
            url = redirect::next(&answer.url, &String::from_utf8_lossy(location.as_bytes()))?;
            from = Some(answer.url);
        }
        Err(redirect::too_many(&url))
    }

    /// One request, if it may be sent.
    async fn send<'a>(
        &self,
        url: Url,
        until: Option<Instant>,
        meter: Option<&'a Meter>,
    ) -> Result<Answer<'a>, SourceError> {
        let client = self.clients.client(&url).map_err(|error| not_allowed(&error))?;
        let at = authority(&url);
        let host = self.hosts.host(url.host_str().unwrap_or_default());
        let turn = turn(&host, &at, until).await?;
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
        let request = client.get(url.clone()).send();
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
}

async fn turn(host: &Host, at: &str, until: Option<Instant>) -> Result<Option<OwnedSemaphorePermit>, SourceError> {
    let Some(until) = until else { return Ok(host.turn().await) };
    timeout_at(until, host.turn()).await.map_err(|_| {
        let message = format!("no turn at `{at}` came up in the time there was; fewer workers would help");
        transient(ReasonKind::SourceUnreachable, message)
    })
}

impl Answer<'_> {
    /// Reads why it is not what was asked for.
    pub(crate) async fn refusal(mut self, now: SystemTime) -> Refusal {
        let page = self.body.page(MAX_PAGE_BYTES, Vec::new()).await;
        Refusal::new(self.status, &self.headers, &self.url, &page, now)
    }
}
