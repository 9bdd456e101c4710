//! Spans for OpenTelemetry: a request, the batch it went with, the statements that were sent for them.
//! They are made under one target, so that logs leave them out, and cost nothing while nobody collects.

use crate::error::{Error, Result};
use crate::http::trace::{Parent, TraceId};
use crate::{client, store::statements};
use axum::body::Bytes;
use axum::http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt, TraceFlags, TraceState, TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracer, SdkTracerProvider,
};
use std::time::Duration;
use tokio::runtime::Handle;
use tracing::field::Empty;
use tracing::{Span, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use url::Url;

/// What all spans are made under.
pub const TARGET: &str = "inventory::trace";
/// Where OTLP over HTTP takes traces.
const PATH: &str = "/v1/traces";
/// Spans that wait to be told; more are dropped, and the exporter says so.
const QUEUE: usize = 8_192;
const DELAY: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(5);
const ANSWER_MAX: usize = 64 * 1024;

/// Tells a collector of what was traced, until it is shut down.
pub struct Telling(SdkTracerProvider);

impl Telling {
    /// `endpoint` as `http://127.0.0.1:4318`. Of requests whose caller did not decide, `percent` are told.
    pub fn to(endpoint: &str, percent: u8) -> Result<Telling> {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Sender { web: client::web()?, runtime: Handle::current() })
            .with_protocol(Protocol::HttpJson)
            .with_endpoint(address(endpoint)?)
            .with_timeout(PATIENCE)
            .build()
            .map_err(|cause| Error::usage(format!("--otlp-endpoint: {cause}")))?;
        let rhythm = BatchConfigBuilder::default()
            .with_max_queue_size(QUEUE)
            .with_scheduled_delay(DELAY)
            .build();
        let processor = BatchSpanProcessor::builder(exporter).with_batch_config(rhythm).build();
        let share = Sampler::TraceIdRatioBased(f64::from(percent) / 100.0);
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let resource =
            Resource::builder().with_service_name("pg_inventory").with_attribute(version).build();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(processor)
            .with_sampler(Sampler::ParentBased(Box::new(share)))
            .with_resource(resource)
            .build();
        Ok(Telling(provider))
    }

    pub fn tracer(&self) -> SdkTracer {
        self.0.tracer("pg_inventory")
    }

    /// Tells what is left; gives up after some seconds.
    pub async fn end(self) {
        let shutdown = move || self.0.shutdown_with_timeout(PATIENCE);
        if let Ok(Err(cause)) = tokio::task::spawn_blocking(shutdown).await {
            tracing::warn!(%cause, "the last traces were not told");
        }
    }
}

fn address(endpoint: &str) -> Result<String> {
    let wrong = "--otlp-endpoint must be a collector's address, as in http://127.0.0.1:4318";
    let mut url = Url::parse(endpoint).map_err(|_| Error::usage(wrong))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(Error::usage(wrong));
    }
    if url.path() == "/" {
        url.set_path(PATH);
    }
    Ok(url.into())
}

/// The exporter works on a thread without a runtime; its requests go out on the service's.
#[derive(Clone, Debug)]
struct Sender {
    web: client::Web,
    runtime: Handle,
}

#[async_trait::async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let web = self.web.clone();
        let exchange = async move {
            let (head, body) = web.request(request.map(Full::new)).await?.into_parts();
            let body = Limited::new(body, ANSWER_MAX).collect().await?.to_bytes();
            Ok::<_, HttpError>(Response::from_parts(head, body))
        };
        let exchange = async move { tokio::time::timeout(PATIENCE, exchange).await };
        self.runtime.spawn(exchange).await??
    }
}

/// A request from its head to its answer, as a part of its caller's trace.
pub fn request(method: &Method, route: &str, path: &str, parent: Option<&Parent>) -> Span {
    let span = info_span!(
        target: TARGET, "request", otel.name = format!("{method} {route}"), otel.kind = "server",
        http.request.method = method.as_str(), http.route = route, url.path = path,
        http.response.status_code = Empty, otel.status_code = Empty,
    );
    if let Some(parent) = parent.filter(|_| !span.is_disabled()) {
        let _ = span.set_parent(Context::new().with_remote_span_context(remote(parent)));
    }
    span
}

pub fn answered(span: &Span, status: StatusCode) {
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
}

/// A micro-batch: a part of its first command's request, linked to those of the others.
pub fn batch<'s>(mut commands: impl ExactSizeIterator<Item = &'s Span>) -> Span {
    let first = commands.next();
    let parent = first.and_then(Span::id);
    let span = info_span!(target: TARGET, parent: parent, "batch", commands = commands.len() + 1);
    if !span.is_disabled() {
        commands.filter_map(context).for_each(|other| span.add_link(other));
    }
    span
}

/// A statement: its text has no values in it.
pub fn statement(text: &str) -> Span {
    info_span!(
        target: TARGET, "statement", otel.name = statements::name_of(text), otel.kind = "client",
        db.system.name = "postgresql", db.query.text = text, otel.status_code = Empty,
    )
}

/// None where the span is not told of, and has no trace.
pub fn trace_id(span: &Span) -> Option<TraceId> {
    context(span).map(|context| TraceId::from_bytes(context.trace_id().to_bytes()))
}

fn context(span: &Span) -> Option<SpanContext> {
    if span.is_disabled() {
        return None;
    }
    let context = span.context();
    let context = context.span().span_context().clone();
    context.is_valid().then_some(context)
}

fn remote(parent: &Parent) -> SpanContext {
    let trace = opentelemetry::TraceId::from_bytes(parent.trace_id.to_bytes());
    let span = SpanId::from_bytes(parent.span_id);
    SpanContext::new(trace, span, TraceFlags::new(parent.flags), true, TraceState::default())
}
