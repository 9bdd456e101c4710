//! HTTP: what a request says, and what it is told. Nothing here decides about stock.
//!
//! `v1` has a file a resource. Around it: `access` (who is it, what may they), `idempotency` (the
//! request id behind a key), `extract` (bodies, queries, paths), `problem` (every answer that is no
//! 2xx), `page` (lists), `docs` and `document` (the OpenAPI document), `observe` (what surrounds every request).

pub mod access;
pub mod docs;
mod document;
pub mod etag;
pub mod extract;
pub mod idempotency;
pub mod key;
pub mod observe;
pub mod page;
pub mod problem;
pub mod system;
pub mod trace;
pub mod v1;

use crate::console;
use crate::serve::app::App;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;

/// Every route with its place in the document.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(docs::frame()).merge(system::routes()).nest("/v1", v1::routes())
}

/// The service as it is bound to a port.
pub fn service(app: Arc<App>) -> Router {
    let (router, document) = routes().split_for_parts();
    let cors = app.settings.cors();
    let mut router = router
        .merge(docs::routes(document))
        .merge(console::routes())
        .fallback(problem::no_route)
        .method_not_allowed_fallback(problem::no_method)
        .layer(DefaultBodyLimit::max(app.settings.max_body))
        .layer(axum::middleware::from_fn_with_state(app.clone(), observe::observe));
    if let Some(cors) = cors {
        router = router.layer(cors);
    }
    router.with_state(app)
}
