//! One address for all of AWS, as `LocalStack` has it: S3 is passed on, `CloudFormation` and `CloudWatch` Logs are played.

use std::{net::SocketAddr, sync::Arc};

use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, body::Bytes, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What the services answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Script {
    /// Outputs of the stack `climate`; nothing: there is no stack.
    pub(crate) outputs: Option<Vec<(&'static str, &'static str)>>,
    /// Log groups and their lines, with their times in milliseconds; a group comes in pages of one line.
    pub(crate) logs: Vec<(&'static str, Vec<(u64, String)>)>,
}

/// A running stand-in; stops when dropped.
#[derive(Debug)]
pub(crate) struct Cloud {
    pub(crate) address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Drop for Cloud {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Cloud {
    /// Serves a script in front of an S3 endpoint.
    pub(crate) async fn start(script: Script, s3: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let s3 = s3.strip_prefix("http://").unwrap().to_owned();
        let script = Arc::new(script);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&script), s3.clone()));
            }
        });
        Self { address, accepting }
    }
}

/// The services without buckets take everything at `POST /`.
async fn serve(mut stream: TcpStream, script: Arc<Script>, s3: String) {
    let mut first = [0; 7];
    let Ok(length) = stream.peek(&mut first).await else { return };
    if &first[..length] != b"POST / " {
        let mut there = TcpStream::connect(s3).await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut stream, &mut there).await;
        return;
    }
    let answer = service_fn(move |request: Request<Incoming>| {
        let script = Arc::clone(&script);
        async move {
            let of_logs = request.headers().contains_key("x-amz-target");
            let body = request.into_body().collect().await?.to_bytes();
            let body = String::from_utf8(body.to_vec()).unwrap();
            let (status, answer) = if of_logs { script.log_events(&body) } else { script.stacks(&body) };
            Ok::<_, hyper::Error>(Response::builder().status(status).body(Full::<Bytes>::from(answer)).unwrap())
        }
    });
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
}

impl Script {
    fn stacks(&self, body: &str) -> (u16, String) {
        assert!(body.contains("Action=DescribeStacks"), "{body}");
        let Some(outputs) = self.outputs.as_ref().filter(|_| body.contains("StackName=climate")) else {
            let message = "Stack with id nowhere does not exist";
            return (
                400,
                format!(
                    "<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>{message}</Message>\
                     </Error><RequestId>x</RequestId></ErrorResponse>"
                ),
            );
        };
        let member = |(key, value): &(&str, &str)| {
            format!("<member><OutputKey>{key}</OutputKey><OutputValue>{value}</OutputValue></member>")
        };
        let outputs = outputs.iter().map(member).collect::<Vec<_>>().join("\n");
        (
            200,
            format!(
                "<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>climate</StackName>\
                 <CreationTime>2026-01-31T12:00:00Z</CreationTime><StackStatus>CREATE_COMPLETE</StackStatus>\
                 <Outputs>{outputs}</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>"
            ),
        )
    }

    fn log_events(&self, body: &str) -> (u16, String) {
        let request: serde_json::Value = serde_json::from_str(body).unwrap();
        let group = request["logGroupName"].as_str().unwrap();
        let since = request["startTime"].as_u64().unwrap();
        let run = request["filterPattern"].as_str().unwrap().trim_matches('"').to_owned();
        let Some((_, lines)) = self.logs.iter().find(|(name, _)| *name == group) else {
            return (400, r#"{"__type":"ResourceNotFoundException","message":"no such group"}"#.to_owned());
        };
        let lines: Vec<_> = lines.iter().filter(|(at, line)| *at >= since && line.contains(&run)).collect();
        let page: usize = request["nextToken"].as_str().map_or(0, |token| token.parse().unwrap());
        let event = lines.get(page).map(
            |(at, line)| serde_json::json!({ "timestamp": at, "message": line, "eventId": format!("{group} {page}") }),
        );
        let next = (page + 1 < lines.len()).then(|| (page + 1).to_string());
        (200, serde_json::json!({ "events": Vec::from_iter(event), "nextToken": next }).to_string())
    }
}
