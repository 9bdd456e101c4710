//! What the service says of itself: `/healthz`, `/readyz`, `/metrics`.

use super::access::{Access, Reading};
use super::problem::{Fault, Problem};
use crate::serve::app::App;
use crate::serve::listener::Peer;
use axum::Json;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(healthz)).routes(routes!(readyz)).routes(routes!(metrics))
}

#[derive(Serialize, ToSchema)]
struct Status {
    /// `ok`
    status: &'static str,
}

/// The process answers
#[utoipa::path(get, path = "/healthz", tag = "service", operation_id = "healthz", security(()),
    responses((status = 200, body = Status)))]
async fn healthz() -> Json<Status> {
    Json(Status { status: "ok" })
}

/// Work may be sent here
#[utoipa::path(get, path = "/readyz", tag = "service", operation_id = "readyz", security(()),
    responses((status = 200, body = Status), (status = 503, description = "Not now; `detail` says why", content_type = "application/problem+json")))]
async fn readyz(State(app): State<Arc<App>>) -> Result<Json<Status>, Problem> {
    match app.unready() {
        None => Ok(Json(Status { status: "ok" })),
        Some(why) => Err(Problem::new(Fault::Away, why)),
    }
}

/// Counters and gauges for Prometheus
///
/// Open to this machine; others need a key.
#[utoipa::path(get, path = "/metrics", tag = "service", operation_id = "metrics", security((), ("key" = [])),
    responses((status = 200, body = String, content_type = "text/plain"), Metrics))]
async fn metrics(State(app): State<Arc<App>>, request: Request) -> Result<Response, Problem> {
    let local = request
        .extensions()
        .get::<Peer>()
        .is_some_and(|peer| peer.0.ip().to_canonical().is_loopback());
    if !local {
        let (mut parts, _) = request.into_parts();
        Access::<Reading>::from_request_parts(&mut parts, &app).await?;
    }
    let text = [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    Ok((text, app.metrics.render()).into_response())
}

super::docs::refusals!(Metrics);
