//! The server: a listener, its state, and the handle that tests hold.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};

use crate::behaviour::{Behaviour, Change};
use crate::dataset::{Dataset, DatasetError};
use crate::handler::answer;
use crate::stats::Stats;

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A dataset contradicts itself.
    #[error("dataset `{name}` cannot be served")]
    Dataset {
        /// Its name.
        name: String,
        /// What is wrong.
        #[source]
        source: DatasetError,
    },
    /// The port is not to be had.
    #[error("cannot listen on 127.0.0.1:{port}")]
    Listen {
        /// The port asked for.
        port: u16,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// A running server; it stops when dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Server {
    /// Serves the datasets on a free port of 127.0.0.1, without faults.
    ///
    /// # Errors
    /// A dataset contradicts itself, or there is no port.
    pub async fn start(datasets: impl IntoIterator<Item = Dataset>) -> Result<Self, StartError> {
        Self::start_with(datasets, Behaviour::default(), 0).await
    }

    /// Serves the datasets on `port` (0: a free one) of 127.0.0.1.
    ///
    /// # Errors
    /// A dataset contradicts itself, or the port is not to be had.
    pub async fn start_with(
        datasets: impl IntoIterator<Item = Dataset>,
        behaviour: Behaviour,
        port: u16,
    ) -> Result<Self, StartError> {
        let datasets: Vec<Arc<Dataset>> = datasets.into_iter().map(Arc::new).collect();
        for dataset in &datasets {
            dataset.check().map_err(|source| StartError::Dataset { name: dataset.name.clone(), source })?;
        }
        let listen = |source| StartError::Listen { port, source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let shared = Arc::new(Shared {
            datasets,
            behaviour: Mutex::new(behaviour),
            stats: Mutex::default(),
            freed: Notify::new(),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a dataset, without suffix; of the server itself for an empty name.
    pub fn url(&self, dataset: &str) -> String {
        format!("http://{}/{dataset}", self.address)
    }

    /// Changes how it behaves from the next request on.
    pub fn change(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.shared.behaviour());
    }

    /// The counters now.
    pub fn stats(&self) -> Stats {
        self.shared.stats().clone()
    }

    /// Sets the counters to zero, but for the requests in flight.
    pub fn reset_stats(&self) {
        let mut stats = self.shared.stats();
        *stats = Stats { in_flight: stats.in_flight, ..Stats::default() };
    }

    /// Stops, with every connection, and waits until it has.
    pub async fn stop(mut self) {
        self.task.abort();
        // The only error is the abort itself.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What the connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    datasets: Vec<Arc<Dataset>>,
    behaviour: Mutex<Behaviour>,
    stats: Mutex<Stats>,
    /// A data request has left.
    freed: Notify,
}

impl Shared {
    pub(crate) fn behaviour(&self) -> MutexGuard<'_, Behaviour> {
        self.behaviour.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn stats(&self) -> MutexGuard<'_, Stats> {
        self.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The dataset as `change`, if it is due, leaves it.
    pub(crate) fn dataset(&self, name: &str, change: Option<&Change>) -> Option<Arc<Dataset>> {
        let known = self.datasets.iter().find(|dataset| dataset.name == name)?;
        Some(match change {
            Some(Change::Replace(other)) if other.name == name => Arc::new((**other).clone()),
            Some(Change::Attribute) => Arc::new((**known).clone().global("history", "changed")),
            Some(Change::Replace(_) | Change::Value) | None => Arc::clone(known),
        })
    }

    /// Enters a data request: at once, after waiting, or not at all (`None`).
    pub(crate) async fn enter(self: &Arc<Self>) -> Option<InFlight> {
        loop {
            let mut freed = std::pin::pin!(self.freed.notified());
            freed.as_mut().enable();
            let limit = self.behaviour().limit;
            {
                let mut stats = self.stats();
                if limit.is_none_or(|limit| stats.in_flight < limit.requests) {
                    stats.in_flight += 1;
                    stats.max_in_flight = stats.max_in_flight.max(stats.in_flight);
                    return Some(InFlight(Arc::clone(self)));
                }
                if limit.is_some_and(|limit| !limit.queue) {
                    stats.turned_away += 1;
                    return None;
                }
            }
            freed.await;
        }
    }
}

/// A data request on its way, from its arrival to the end of its body.
#[derive(Debug)]
pub(crate) struct InFlight(Arc<Shared>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.stats().in_flight -= 1;
        self.0.freed.notify_waiters();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, Arc::clone(&shared)));
                }
                // Out of file descriptors, most likely: some will be free in a moment.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    // Without it answers are late by Nagle's wait, and still right.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| answer(Arc::clone(&shared), request));
    // It fails when the client goes away, and when a fault closes the connection.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}
