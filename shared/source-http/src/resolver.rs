use std::{
    fmt::Debug,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::{address::scope, allowed::Permit, reach::NotAllowed};

/// Where names become addresses.
#[async_trait]
pub(crate) trait Lookup: Debug + Send + Sync {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The operating system's resolver.
#[derive(Debug)]
pub(crate) struct System;

#[async_trait]
impl Lookup for System {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// Gives the client the addresses it may dial, or none.
///
/// It is the client's own resolver, so that the address that is checked is the one that is dialled: a name that is
/// resolved once to be checked and again to be dialled may have another address by then (DNS rebinding). One address
/// that may not be dialled spoils the others: no name is public and private at once, unless somebody wants it to be.
#[derive(Debug)]
pub(crate) struct Guard {
    pub(crate) lookup: Arc<dyn Lookup>,
    pub(crate) permit: Permit,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let (lookup, permit) = (Arc::clone(&self.lookup), self.permit);
        Box::pin(async move {
            let addresses = lookup.addresses(name.as_str()).await?;
            let scopes = || addresses.iter().map(|address| scope(*address));
            if !scopes().all(|scope| permit.covers(scope)) {
                return Err(NotAllowed::addresses(name.as_str(), permit, scopes()).into());
            }
            let addresses: Addrs = Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    };

    use run::{ReasonKind, SourceUrl};
    use steps::{
        Deadline,
        ports::{Document, Source, SourceError},
    };
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;
    use crate::{HttpOptions, HttpSource, Reach};

    /// Answers with one list of addresses after the other, and then with the last for ever.
    #[derive(Debug)]
    struct Scripted(Mutex<Vec<Vec<IpAddr>>>);

    #[async_trait]
    impl Lookup for Scripted {
        async fn addresses(&self, _: &str) -> io::Result<Vec<IpAddr>> {
            let mut answers = self.0.lock().unwrap();
            Ok(if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() })
        }
    }

    fn scripted(answers: &[&[&str]]) -> Arc<dyn Lookup> {
        let parse = |answer: &&[&str]| answer.iter().map(|text| text.parse().unwrap()).collect();
        Arc::new(Scripted(Mutex::new(answers.iter().map(parse).collect())))
    }

    async fn resolve(guard: &Guard, name: &str) -> Result<Vec<String>, NotAllowed> {
        match guard.resolve(name.parse().unwrap()).await {
            Ok(addresses) => Ok(addresses.map(|address| address.ip().to_string()).collect()),
            Err(error) => Err(*error.downcast().unwrap()),
        }
    }

    async fn resolve_under(permit: Permit, answer: &[&str]) -> Result<Vec<String>, NotAllowed> {
        resolve(&Guard { lookup: scripted(&[answer]), permit }, "h.org.").await
    }

    #[tokio::test]
    async fn a_name_that_is_rebound_is_refused_from_then_on() {
        let lookup = scripted(&[&["93.184.216.34"], &["169.254.169.254"]]);
        let guard = Guard { lookup, permit: Permit::Public };
        assert_eq!(resolve(&guard, "h.org").await.unwrap(), ["93.184.216.34"]);
        assert_eq!(resolve(&guard, "h.org").await, Err(NotAllowed::Never { host: "h.org".to_owned() }));
    }

    #[tokio::test]
    async fn one_private_address_spoils_the_answer() {
        let private = NotAllowed::NotPublic { host: "h.org".to_owned(), entry: "h.org=private".to_owned() };
        let never = NotAllowed::Never { host: "h.org".to_owned() };
        let both = ["93.184.216.34", "2606:2800:220:1::1"];
        assert_eq!(resolve_under(Permit::Public, &both).await.unwrap(), both);
        for answer in [["93.184.216.34", "10.0.0.1"], ["fd12::1", "93.184.216.34"]] {
            assert_eq!(resolve_under(Permit::Public, &answer).await, Err(private.clone()));
            assert_eq!(resolve_under(Permit::PublicOrPrivate, &answer).await.unwrap(), answer);
        }
        for answer in [["93.184.216.34", "127.0.0.1"], ["10.0.0.1", "::ffff:169.254.169.254"], ["::1", "::"]] {
            for permit in [Permit::Public, Permit::PublicOrPrivate, Permit::Loopback] {
                assert_eq!(resolve_under(permit, &answer).await, Err(never.clone()), "{answer:?}");
            }
        }
        assert_eq!(resolve_under(Permit::Loopback, &["127.0.0.1", "::1"]).await.unwrap(), ["127.0.0.1", "::1"]);
    }

    /// A server on loopback that answers once per connection, and how many connections it had.
    async fn server() -> (u16, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let mut head = [0; 4096];
                let _ = stream.read(&mut head).await;
                let answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\nDataset {";
                stream.write_all(answer).await.unwrap();
            }
        });
        (port, connections)
    }

    async fn dds(source: &HttpSource, url: &str) -> Result<String, SourceError> {
        let url: SourceUrl = url.parse().unwrap();
        let text = source.document(&url, Document::Dds, Deadline::NONE).await?;
        Ok(String::from_utf8(text.to_vec()).unwrap())
    }

    fn source(list: &str, answers: &[&[&str]]) -> HttpSource {
        let options = HttpOptions { reach: Reach::Guarded(list.parse().unwrap()), ..HttpOptions::default() };
        HttpSource::with_lookup(options, Arc::default(), &scripted(answers)).unwrap()
    }

    fn assert_not_allowed(result: Result<String, SourceError>, host: &str) {
        let Err(SourceError::Permanent(reason)) = result else { panic!("{result:?}") };
        assert_eq!(reason.kind, ReasonKind::SourceNotAllowed);
        assert!(reason.message.starts_with(&format!("`{host}` ")), "{reason}");
        assert!(!reason.message.contains("127.0.0.1") && !reason.message.contains("169.254"), "{reason}");
    }

    #[tokio::test]
    async fn the_address_that_was_checked_is_the_one_that_is_dialled() {
        let (port, connections) = server().await;
        let source = source(&format!("localhost:{port}"), &[&["127.0.0.1"], &["127.0.0.1", "169.254.169.254"]]);
        let url = format!("http://localhost:{port}/d.nc");
        assert_eq!(dds(&source, &url).await.unwrap(), "Dataset {");
        assert_not_allowed(dds(&source, &url).await, "localhost");
        assert_eq!(connections.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn no_name_but_localhost_leads_to_loopback() {
        let (port, connections) = server().await;
        let list = format!("*:{port}, marked.org:{port}=private, 127.0.0.1:{port}, localhost:{port}");
        let source = source(&list, &[&["127.0.0.1"]]);
        for host in ["a.org", "marked.org", "b.marked.org"] {
            assert_not_allowed(dds(&source, &format!("http://{host}:{port}/d.nc")).await, host);
            assert_not_allowed(dds(&source, &format!("https://{host}:{port}/d.nc")).await, host);
        }
        assert_eq!(connections.load(Ordering::SeqCst), 0);
        dds(&source, &format!("http://127.0.0.1:{port}/d.nc")).await.unwrap();
        dds(&source, &format!("http://localhost:{port}/d.nc")).await.unwrap();
    }

    #[tokio::test]
    async fn a_name_is_private_at_the_port_it_is_marked_for_only() {
        let source = source("h.org=private, h.org:9090", &[&["10.255.255.1"]]);
        assert_not_allowed(dds(&source, "http://h.org:9090/d.nc").await, "h.org");
    }
}
