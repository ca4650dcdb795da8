//! Reading the target, with a few attempts each.

use std::sync::Arc;

use bytes::Bytes;
use run::Target;

use crate::{
    Deadline,
    chunk::given_up,
    ports::{Entry, Head, Ports, Store},
    retry::Attempts,
    trouble::Trouble,
};

/// The store of a target.
pub(crate) async fn open(target: &Target, ports: &Ports, deadline: Deadline) -> Result<Arc<dyn Store>, Trouble> {
    let mut attempts = Attempts::new(ports, deadline, "opening the target".to_owned());
    loop {
        match ports.targets.open(target).await {
            Ok(store) => return Ok(store),
            Err(error) => attempts.again(&error).await.map_err(given_up)?,
        }
    }
}

/// Every object.
pub(crate) async fn list(target: &dyn Store, ports: &Ports, deadline: Deadline) -> Result<Vec<Entry>, Trouble> {
    let mut attempts = Attempts::new(ports, deadline, "LIST of the target".to_owned());
    loop {
        match target.list("").await {
            Ok(entries) => return Ok(entries),
            Err(error) => attempts.again(&error).await.map_err(given_up)?,
        }
    }
}

/// What is known of an object, or nothing.
pub(crate) async fn head(
    key: &str,
    target: &dyn Store,
    ports: &Ports,
    deadline: Deadline,
) -> Result<Option<Head>, Trouble> {
    let mut attempts = Attempts::new(ports, deadline, format!("HEAD {key}"));
    loop {
        match target.head(key).await {
            Ok(head) => return Ok(head),
            Err(error) => attempts.again(&error).await.map_err(given_up)?,
        }
    }
}

/// An object's bytes, or nothing.
pub(crate) async fn get(
    key: &str,
    target: &dyn Store,
    ports: &Ports,
    deadline: Deadline,
) -> Result<Option<Bytes>, Trouble> {
    let mut attempts = Attempts::new(ports, deadline, format!("GET {key}"));
    loop {
        match target.get(key).await {
            Ok(object) => return Ok(object.map(|object| object.bytes)),
            Err(error) => attempts.again(&error).await.map_err(given_up)?,
        }
    }
}
