//! The one place every call of a port passes: it is counted, written down, and a script says what goes wrong with it.

use std::{
    collections::BTreeMap,
    future::pending,
    sync::{Arc, Mutex},
    time::Duration,
};

use run::ReasonKind;
use tokio::sync::watch;

/// Which port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Port {
    Source,
    State,
    Target,
    Plans,
    Chunks,
    Records,
}

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    /// Which function's process.
    pub(crate) by: &'static str,
    pub(crate) port: Port,
    pub(crate) verb: &'static str,
    /// The object's key, the listed prefix, the document's suffix, the query, or the messages.
    pub(crate) key: String,
    /// Position among all calls, from 1.
    pub(crate) number: usize,
    /// Position among the calls of this port, verb and key, from 1.
    pub(crate) nth: usize,
}

impl Call {
    pub(crate) fn is(&self, port: Port, verb: &str) -> bool {
        (self.port, self.verb) == (port, verb)
    }

    /// A PUT of any kind.
    pub(crate) fn is_put(&self, port: Port) -> bool {
        self.port == port && self.verb.starts_with("put")
    }
}

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// Not done; another attempt may succeed, after a pause the other side may ask for.
    Transient(Option<Duration>),
    /// Not done; another attempt is of no use. Stores know only one kind.
    Permanent(ReasonKind),
    /// Source: the server refuses a request of this size and may name its limit.
    TooLarge(Option<u64>),
    /// Done, but the answer is lost.
    LoseReply,
    /// Done later.
    Delay(Duration),
    /// Source: the body ends after so many bytes, as if that were all of it.
    Truncate(usize),
    /// Queues: the messages are gone.
    Drop,
    /// Queues: each message comes twice.
    Duplicate,
    /// Queues: last message first.
    Reverse,
    /// Queues: the messages arrive after a while, the sender goes on.
    Later(Duration),
    /// The process ends before the call.
    Kill,
    /// The process ends after the call, before its answer.
    KillAfter,
}

type Script = Box<dyn FnMut(&Call) -> Fault + Send>;

/// What outlives a process.
#[derive(Default)]
pub(crate) struct Shared {
    script: Mutex<Option<Script>>,
    calls: Mutex<Vec<Call>>,
    counts: Mutex<BTreeMap<(Port, &'static str, String), usize>>,
    violations: Mutex<Vec<String>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Shared {
    /// Lets a script decide about every call from now on, and forgets what was called before.
    pub(crate) fn script(&self, script: impl FnMut(&Call) -> Fault + Send + 'static) {
        *self.script.lock().unwrap() = Some(Box::new(script));
        self.calls.lock().unwrap().clear();
        self.counts.lock().unwrap().clear();
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    /// The last few, for a message.
    pub(crate) fn last(&self) -> Vec<String> {
        let calls = self.calls();
        let last = calls[calls.len().saturating_sub(30)..].iter();
        last.map(|call| format!("{:?} {} {}", call.port, call.verb, call.key)).collect()
    }

    /// Keys of the calls of one port and verb, in order.
    pub(crate) fn keys(&self, port: Port, verb: &str) -> Vec<String> {
        self.calls().into_iter().filter(|call| call.is(port, verb)).map(|call| call.key).collect()
    }

    /// Data requests for chunks, in order: all but those for the first times, with which a plan is made.
    pub(crate) fn chunk_fetches(&self) -> Vec<String> {
        let fetches = self.keys(Port::Source, "fetch").into_iter();
        fetches.filter(|query| query != crate::dataset::FIRST_TIMES).collect()
    }

    /// Notes that something was seen that must never be.
    pub(crate) fn violated(&self, what: String) {
        self.violations.lock().unwrap().push(what);
    }

    pub(crate) fn violations(&self) -> Vec<String> {
        self.violations.lock().unwrap().clone()
    }

    fn fault(&self, by: &'static str, port: Port, verb: &'static str, key: &str) -> Fault {
        let nth = {
            let mut counts = self.counts.lock().unwrap();
            let count = counts.entry((port, verb, key.to_owned())).or_default();
            *count += 1;
            *count
        };
        let call = {
            let mut calls = self.calls.lock().unwrap();
            let number = calls.len() + 1;
            calls.push(Call { by, port, verb, key: key.to_owned(), number, nth });
            calls[number - 1].clone()
        };
        self.script.lock().unwrap().as_mut().map_or(Fault::None, |script| script(&call))
    }
}

/// The ports of one process. Once it is dead none of its calls returns.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) shared: Arc<Shared>,
    name: &'static str,
    dead: watch::Sender<bool>,
}

impl Gate {
    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn new(shared: Arc<Shared>, name: &'static str) -> Self {
        Self { shared, name, dead: watch::Sender::new(false) }
    }

    /// Before a call.
    pub(crate) async fn enter(&self, port: Port, verb: &'static str, key: &str) -> Fault {
        self.live().await;
        let fault = self.shared.fault(self.name, port, verb, key);
        match fault {
            Fault::Kill => {
                self.dead.send_replace(true);
            }
            Fault::Delay(pause) => tokio::time::sleep(pause).await,
            Fault::None
            | Fault::Transient(_)
            | Fault::Permanent(_)
            | Fault::TooLarge(_)
            | Fault::LoseReply
            | Fault::Truncate(_)
            | Fault::Drop
            | Fault::Duplicate
            | Fault::Reverse
            | Fault::Later(_)
            | Fault::KillAfter => {}
        }
        self.live().await;
        fault
    }

    /// After a call, before its answer.
    pub(crate) async fn leave(&self, fault: Fault) {
        if fault == Fault::KillAfter {
            self.dead.send_replace(true);
        }
        self.live().await;
    }

    /// Returns when the process is killed.
    pub(crate) async fn killed(&self) {
        let mut dead = self.dead.subscribe();
        dead.wait_for(|dead| *dead).await.unwrap();
    }

    async fn live(&self) {
        if *self.dead.borrow() {
            pending::<()>().await;
        }
    }
}
