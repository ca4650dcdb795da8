//! From a request to its answer.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode};
use percent_encoding::percent_decode_str;

use crate::behaviour::{Behaviour, Change};
use crate::body::Body;
use crate::constraint::{ConstraintError, parse};
use crate::dataset::Dataset;
use crate::fault::FaultKind;
use crate::selection::{Node, Part, parts, select};
use crate::server::Shared;
use crate::stats::RequestKind;
use crate::text;
use crate::xdr::Encoder;

const LOGIN_PAGE: &str = "<!DOCTYPE html>\n<html><head><title>Log in</title></head>\n<body><form action=\"/login\">Please log in.</form></body></html>\n";

/// The connection closes without an answer.
#[derive(Debug, thiserror::Error)]
#[error("no answer, as ordered")]
pub(crate) struct NoAnswer;

/// A request taken apart, percent-decoded.
struct Asked {
    name: String,
    kind: Option<RequestKind>,
    constraint: String,
    raw_query: String,
}

impl Asked {
    fn new(request: &Request<Incoming>) -> Self {
        let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let path = decode(request.uri().path());
        let path = path.trim_start_matches('/');
        let (name, suffix) = path.rsplit_once('.').unwrap_or((path, ""));
        let raw_query = request.uri().query().unwrap_or_default().to_owned();
        Self {
            name: name.to_owned(),
            kind: RequestKind::from_suffix(suffix),
            constraint: decode(&raw_query),
            raw_query,
        }
    }
}

pub(crate) async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Body>, NoAnswer> {
    if request.uri().path() == "/_stats" {
        let json = shared.stats().to_json();
        let body = Body::text(&json, &shared, &Behaviour::default());
        return Ok(respond(StatusCode::OK, "application/json", "stats", body));
    }
    let asked = Asked::new(&request);
    let change = count(&shared, &request, &asked);
    if *request.method() != Method::GET && *request.method() != Method::HEAD {
        return Ok(refusal(&shared, 405, "only GET and HEAD"));
    }
    let in_flight = if asked.kind == Some(RequestKind::Dods) {
        match shared.enter().await {
            None => return Ok(refusal(&shared, 503, "too many requests at a time")),
            entered => entered,
        }
    } else {
        None
    };
    let latency = shared.behaviour().latency;
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let fault = strike(&shared, &asked);
    let mut response = match fault {
        Some(FaultKind::Drop) => return Err(NoAnswer),
        Some(FaultKind::Status(code, retry_after)) => {
            let mut response = refusal(&shared, code, "failed as ordered");
            if let Some(seconds) = retry_after {
                response.headers_mut().insert(RETRY_AFTER, seconds.into());
            }
            response
        }
        Some(FaultKind::ErrorBody(message)) => error(&shared, 200, 500, &message),
        Some(FaultKind::Html) => {
            let behaviour = shared.behaviour().clone();
            let body = Body::text(LOGIN_PAGE, &shared, &behaviour);
            respond(StatusCode::OK, "text/html", "login", body)
        }
        other => serve(&shared, &asked, other.as_ref(), change.as_ref()),
    };
    response.body_mut().hold(in_flight);
    Ok(response)
}

/// Counts the request, and gives the change that is due by now.
fn count(shared: &Shared, request: &Request<Incoming>, asked: &Asked) -> Option<Change> {
    let mut stats = shared.stats();
    if let Some(agent) = request.headers().get(USER_AGENT) {
        stats.user_agent = String::from_utf8_lossy(agent.as_bytes()).into_owned();
    }
    let before = stats.requests();
    let text = format!("{}?{}", asked.name, asked.constraint);
    stats.count(asked.kind, &text);
    drop(stats);
    match &shared.behaviour().change_after {
        Some((after, change)) if before >= *after => Some(change.clone()),
        _ => None,
    }
}

fn strike(shared: &Shared, asked: &Asked) -> Option<FaultKind> {
    let kind = asked.kind?;
    let text = format!("{}.{}?{}", asked.name, kind.suffix(), asked.constraint);
    let fault = shared.behaviour().faults.iter_mut().find_map(|fault| fault.strike(kind, &text));
    if fault.is_some() {
        shared.stats().faults += 1;
    }
    fault
}

fn serve(shared: &Arc<Shared>, asked: &Asked, fault: Option<&FaultKind>, change: Option<&Change>) -> Response<Body> {
    let behaviour = shared.behaviour().clone();
    let upper = asked.raw_query.to_ascii_uppercase();
    if behaviour.refuse_raw_brackets && upper.contains(['[', ']']) {
        return refusal(shared, 400, "invalid character found in the request target");
    }
    if behaviour.refuse_encoded_brackets && (upper.contains("%5B") || upper.contains("%5D")) {
        return refusal(shared, 404, "no such resource");
    }
    let Some(kind) = asked.kind else {
        return refusal(shared, 404, "unrecognized request");
    };
    let Some(dataset) = shared.dataset(&asked.name, change) else {
        return refusal(shared, 404, "no such dataset");
    };
    let made = match kind {
        RequestKind::Ver => Ok((version(), "dods_version")),
        RequestKind::Das => Ok((text::das(&dataset), "dods_das")),
        RequestKind::Dds => {
            constrained(&dataset, &asked.constraint).map(|nodes| (text::dds(&dataset.name, &nodes), "dods_dds"))
        }
        RequestKind::Dods => {
            return data(shared, &dataset, &asked.constraint, fault, change, &behaviour);
        }
    };
    match made {
        Err(error) => refusal(shared, 400, &error.to_string()),
        Ok((mut text, description)) => {
            if fault == Some(&FaultKind::CutDds) {
                text.truncate(text.len() / 2);
            }
            let mut body = Body::text(&text, shared, &behaviour);
            if let Some(fault) = fault {
                body.spoil(fault);
            }
            respond(StatusCode::OK, "text/plain", description, body)
        }
    }
}

fn constrained(dataset: &Dataset, constraint: &str) -> Result<Vec<Node>, ConstraintError> {
    select(dataset, &parse(constraint)?)
}

fn data(
    shared: &Arc<Shared>,
    dataset: &Dataset,
    constraint: &str,
    fault: Option<&FaultKind>,
    change: Option<&Change>,
    behaviour: &Behaviour,
) -> Response<Body> {
    let selected = constrained(dataset, constraint).and_then(|nodes| {
        let dds = text::dds(&dataset.name, &nodes);
        Ok((dds, parts(nodes)?))
    });
    let (mut dds, parts) = match selected {
        Ok(selected) => selected,
        Err(error) => return refusal(shared, 400, &error.to_string()),
    };
    let nominal: u64 = parts.iter().map(nominal_bytes).sum();
    if let Some(max) = behaviour.max_request_bytes.filter(|max| nominal > *max) {
        let (size, max) = (megabytes(nominal), megabytes(max));
        let message = format!("Request too big={size} Mbytes, max={max}");
        return refusal(shared, 403, &message);
    }
    let mut body = if fault == Some(&FaultKind::CutDds) {
        dds.truncate(dds.len() / 2);
        Body::text(&dds, shared, behaviour)
    } else {
        let length = Encoder::length(&parts);
        Body::data(&dds, Encoder::new(parts), length, shared, behaviour)
    };
    if matches!(change, Some(Change::Value)) {
        body.change_value();
    }
    if let Some(fault) = fault {
        body.spoil(fault);
    }
    respond(StatusCode::OK, "application/octet-stream", "dods_data", body)
}

/// What THREDDS counts against its limit.
fn nominal_bytes(part: &Part) -> u64 {
    part.elements() * part.array.dap_type.nominal_width()
}

/// Megabytes of 1000 * 1000 with one decimal, as THREDDS prints them.
fn megabytes(bytes: u64) -> String {
    format!("{}.{}", bytes / 1_000_000, bytes / 100_000 % 10)
}

fn version() -> String {
    format!("Core version: dods/3.2\nServer version: dap2zarr-test-dap-server/{}\n", env!("CARGO_PKG_VERSION"))
}

/// An `Error` object under its own status.
fn refusal(shared: &Arc<Shared>, status: u16, message: &str) -> Response<Body> {
    error(shared, status, status, message)
}

fn error(shared: &Arc<Shared>, status: u16, code: u16, message: &str) -> Response<Body> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = Body::text(&text::error(code, message), shared, &Behaviour::default());
    respond(status, "text/plain", "dods_error", body)
}

fn respond(status: StatusCode, content_type: &'static str, description: &'static str, body: Body) -> Response<Body> {
    use hyper::header::HeaderValue;
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert("Content-Description", HeaderValue::from_static(description));
    headers.insert("XDODS-Server", HeaderValue::from_static("dods/3.2"));
    headers.insert("XDAP", HeaderValue::from_static("3.2"));
    response
}
