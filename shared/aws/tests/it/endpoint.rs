//! An S3 endpoint on this machine: s3s-fs over a folder, with the keys `test` and `testtest`.
//!
//! s3s-fs checks a condition and then writes, so that of two writers at once both may win, and it writes an object's
//! `ETag` after its bytes. Here requests for one key wait for each other, which makes it as strict as S3.

use std::{
    hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher},
    io,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
};

use hyper::{Method, Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use s3s::{
    auth::SimpleAuth,
    service::{S3Service, S3ServiceBuilder},
};
use s3s_fs::FileSystem;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::RwLock,
    task::{JoinHandle, JoinSet},
};

/// Keys are spread over so many locks.
const LOCKS: usize = 1024;

/// A running endpoint; stops when dropped.
#[derive(Debug)]
pub(crate) struct Endpoint {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Endpoint {
    /// Serves a folder on 127.0.0.1 (port 0: any free one), with these buckets made if they are not there.
    pub(crate) async fn start(root: &Path, port: u16, buckets: &[String]) -> io::Result<Self> {
        for bucket in buckets {
            tokio::fs::create_dir_all(root.join(bucket)).await?;
        }
        let files = FileSystem::new(root).map_err(|error| io::Error::other(format!("{error:?}")))?;
        let mut service = S3ServiceBuilder::new(files);
        service.set_auth(SimpleAuth::from_single("test", "testtest"));
        let service = service.build();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        Ok(Self { address, accepting: tokio::spawn(accept(listener, service)) })
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, service: S3Service) {
    let locks: Locks = Arc::new((0..LOCKS).map(|_| RwLock::new(())).collect());
    // Connections end with the set, and the set with this task.
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        while connections.try_join_next().is_some() {}
        connections.spawn(serve(stream, service.clone(), Arc::clone(&locks)));
    }
}

type Locks = Arc<Vec<RwLock<()>>>;

async fn serve(stream: TcpStream, service: S3Service, locks: Locks) {
    let answer = service_fn(move |request: Request<Incoming>| {
        let (service, locks) = (service.clone(), Arc::clone(&locks));
        async move {
            let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(request.uri().path());
            let lock = locks.get(usize::try_from(hash % LOCKS as u64).unwrap_or_default());
            let read = matches!(*request.method(), Method::GET | Method::HEAD);
            let (mut reading, mut writing) = (None, None);
            if let Some(lock) = lock {
                if read { reading = Some(lock.read().await) } else { writing = Some(lock.write().await) }
            }
            let answer = service.call(request.map(s3s::Body::from)).await;
            drop((reading, writing));
            answer
        }
    });
    // A client that goes away is no matter of the server's.
    let _ = stream.set_nodelay(true);
    let _ = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), answer).await;
}
