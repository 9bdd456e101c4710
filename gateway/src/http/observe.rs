//! What surrounds every request: its time limit, its trace, its place in the metrics, and the
//! problem document where it ends in one.

use super::problem::{Fault, Problem};
use super::trace::{Parent, TraceId};
use crate::serve::app::App;
use crate::traces;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;
use tracing::Instrument;

/// What stands for a path that is no route, so that nobody can make labels.
const NO_ROUTE: &str = "none";

/// When a body must be there. Before the request's whole time is over, so that a client that is slow is
/// told so, and not that the service is.
#[derive(Clone, Copy)]
pub struct Due(pub Instant);

pub async fn observe(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let parent = Parent::of(request.headers());
    let named = route.as_ref().map_or(NO_ROUTE, MatchedPath::as_str);
    let span = traces::request(&method, named, &path, parent.as_ref());
    let trace = traces::trace_id(&span).or(parent.map(|parent| parent.trace_id));
    let trace = trace.unwrap_or_else(TraceId::fresh);
    request.extensions_mut().insert(trace.clone());
    let patience = app.settings.request_timeout();
    request.extensions_mut().insert(Due(started + patience * 9 / 10));
    let answer = AssertUnwindSafe(next.run(request).instrument(span.clone())).catch_unwind();
    let mut response = match tokio::time::timeout(patience, answer).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            tracing::error!(%method, path, trace_id = trace.as_str(), "a request panicked");
            let detail = "the failure is in the log under this trace id";
            Problem::new(Fault::Internal, detail).into_response()
        }
        Err(_) => Problem::new(
            Fault::Overloaded,
            "the answer took too long; a POST may be repeated with the same Idempotency-Key",
        )
        .into_response(),
    };
    let refusal = response.extensions().get::<Problem>().map(|problem| problem.code);
    if !response.status().is_success() {
        response = as_problem(response, &path, trace.as_str());
    }
    let took = started.elapsed();
    traces::answered(&span, response.status());
    app.metrics.request(&method, named, response.status(), took);
    app.metrics.command(&method, named, refusal, took);
    response
}

/// The answer with its document, whoever made it. Redirects and 304 stay as they are.
fn as_problem(mut response: Response, path: &str, trace_id: &str) -> Response {
    let status = response.status();
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let mut written = problem.write(path, trace_id);
        // What the extractors and the router had to say, the Allow header say, stays.
        for (name, value) in response.headers() {
            if *name != header::CONTENT_TYPE && *name != header::CONTENT_LENGTH {
                written.headers_mut().entry(name).or_insert(value.clone());
            }
        }
        return written;
    }
    if status.is_redirection() || status.is_informational() {
        return response;
    }
    let fault = match status {
        StatusCode::NOT_FOUND => Fault::NoRoute,
        StatusCode::METHOD_NOT_ALLOWED => Fault::NoMethod,
        StatusCode::PAYLOAD_TOO_LARGE => Fault::TooLarge,
        StatusCode::REQUEST_TIMEOUT => Fault::Timeout,
        status if status.is_client_error() => Fault::Unreadable,
        _ => Fault::Internal,
    };
    let mut response = response.map(|_| Body::empty());
    response.extensions_mut().insert(Problem::new(fault, status.to_string()));
    as_problem(response, path, trace_id)
}
