//! `/console`: pages for people, embedded as they lie in `assets/`. They know nothing that the public
//! API does not tell: a browser fetches these files without a key, and its reader's key does the rest.

mod files;

use crate::http::problem::{Problem, no_route};
use crate::serve::app::App;
use axum::Router;
use axum::extract::Path;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderMap, IF_NONE_MATCH,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use files::File;
use std::sync::Arc;

/// Nothing from elsewhere, nothing inline, nothing made of text: no answer can become code.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

const INDEX: &str = "index.html";

pub fn routes() -> Router<Arc<App>> {
    // The way there is relative, so that it holds behind a proxy that serves all this below a path of its own.
    Router::new()
        .route("/console", get(|| async { Redirect::temporary("console/") }))
        .route("/console/", get(|uri, headers| give(Path(INDEX.to_owned()), uri, headers)))
        .route("/console/{*file}", get(give))
}

async fn give(Path(name): Path<String>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    match files::named(&name) {
        Some(file) => Ok(answer(file, &headers)),
        None => Err(no_route(uri).await),
    }
}

/// The file, or that the browser has it: it asks each time, so that a new version shows at once.
fn answer(file: &'static File, headers: &HeaderMap) -> Response {
    let header = HeaderValue::from_static;
    let common = [
        (ETAG, file.tag.clone()),
        (CACHE_CONTROL, header("no-cache")),
        (CONTENT_SECURITY_POLICY, header(POLICY)),
        (X_CONTENT_TYPE_OPTIONS, header("nosniff")),
        (REFERRER_POLICY, header("no-referrer")),
        (HeaderName::from_static("cross-origin-opener-policy"), header("same-origin")),
        (HeaderName::from_static("cross-origin-resource-policy"), header("same-origin")),
    ];
    let known = headers.get_all(IF_NONE_MATCH).iter().any(|tags| {
        let mut tags = tags.to_str().unwrap_or_default().split(',').map(str::trim);
        tags.any(|tag| file.tag == tag.trim_start_matches("W/"))
    });
    if known {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    (common, [(CONTENT_TYPE, header(file.media_type()))], file.body).into_response()
}
