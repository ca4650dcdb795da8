//! Servers and endpoints that the tests share.

use std::path::PathBuf;

use dap_server::{Server, prism};
use e2e::{Invocation, Machine, Objects};
use tempfile::TempDir;

use crate::endpoint::Endpoint;

/// The chunks that `convert` makes of [`small`]: 3 grids of 2 × 2 × 2, and 4 coordinates and bounds in one each.
pub(crate) const CHUNKS: &str = "--chunks time=12,lat=32,lon=48";
pub(crate) const CHUNK_COUNT: u64 = 3 * 8 + 4;
/// Data requests of planning: the first times, for their cadence.
pub(crate) const PLANNING: u64 = 1;

/// A server with `prism`: two years of 64 × 96 cells, 1.8 MB.
pub(crate) async fn small() -> Server {
    Server::start([prism::window(24, 64, 96)]).await.unwrap()
}

/// Converts `prism` of a server that behaves into a folder.
pub(crate) async fn reference(options: &str) -> Objects {
    let (machine, server) = (Machine::new(), small().await);
    let target = machine.path("reference.zarr");
    let arguments = format!("convert {} {} {CHUNKS} {options}", server.url("prism"), target.display());
    let _ = machine.command(arguments).run().await.success();
    Objects::of(&target)
}

/// An S3 endpoint with the bucket `bucket`, over a folder.
#[derive(Debug)]
pub(crate) struct S3 {
    root: TempDir,
    endpoint: Endpoint,
}

impl S3 {
    pub(crate) async fn start() -> Self {
        Self::with_bucket("bucket").await
    }

    pub(crate) async fn with_bucket(name: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        let endpoint = Endpoint::start(root.path(), 0, &[name.to_owned()]).await.unwrap();
        Self { root, endpoint }
    }

    pub(crate) fn url(&self) -> String {
        self.endpoint.url()
    }

    /// The objects below a prefix of `bucket`, as the endpoint keeps them.
    pub(crate) fn objects(&self, prefix: &str) -> Objects {
        Objects::of(&self.folder(prefix))
    }

    pub(crate) fn folder(&self, prefix: &str) -> PathBuf {
        self.root.path().join("bucket").join(prefix)
    }
}

/// With the keys that [`S3`] knows.
pub(crate) fn with_keys(command: Invocation) -> Invocation {
    command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "testtest")
}
