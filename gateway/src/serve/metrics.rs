//! What `/metrics` shows. Names and labels are the contract's.

use crate::error::{Error, Result};
use axum::http::{Method, StatusCode};
use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{
    Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

const SECONDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
const SIZES: [f64; 11] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 750.0, 1000.0];

static META: Metadata<'static> = Metadata::new("inventory", Level::INFO, None);

const HELP: [(&str, &str); 13] = [
    ("inventory_stock_level", "Units on hand of hot, low and watched SKUs"),
    (
        "inventory_lock_total",
        "Commands by whether they had their row at once, waited, or did not get it",
    ),
    ("inventory_update_latency_seconds", "From handing a command in until it was durable"),
    ("inventory_deductions_total", "Deductions by what became of them"),
    ("inventory_batch_size", "Commands in a statement"),
    ("inventory_outbox_pending", "Events that no sink has had yet"),
    ("inventory_outbox_lag_seconds", "Age of the oldest of them"),
    ("inventory_breaker_state", "0 closed, 1 half open, 2 open"),
    ("inventory_hot_skus", "SKUs that are hot now"),
    ("inventory_pool_connections", "Connections to the database by state"),
    ("inventory_pool_wait_seconds", "Waiting for a connection"),
    ("inventory_http_requests_total", "Requests by method, route and status"),
    ("inventory_http_request_duration_seconds", "From the head of a request to that of its answer"),
];

/// One registry a service, so that two in one process count apart.
pub struct Metrics {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    requests: RwLock<HashMap<(Method, String, u16), (Counter, Histogram)>>,
    batch_size: Histogram,
    pool_wait: Histogram,
}

impl Metrics {
    pub fn new() -> Result<Metrics> {
        let wrong = |cause| Error::Answer(format!("metrics: {cause}"));
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
            .and_then(|b| b.set_buckets_for_metric(Matcher::Suffix("_size".to_owned()), &SIZES))
            .map_err(wrong)?
            .build_recorder();
        for (name, help) in HELP {
            let (name, help) = (name.into(), help.into());
            // Which kind it is follows from what is registered.
            recorder.describe_gauge(name, None, help);
        }
        let batch_size =
            recorder.register_histogram(&Key::from_name("inventory_batch_size"), &META);
        let pool_wait =
            recorder.register_histogram(&Key::from_name("inventory_pool_wait_seconds"), &META);
        let handle = recorder.handle();
        Ok(Metrics { recorder, handle, requests: RwLock::default(), batch_size, pool_wait })
    }

    pub fn render(&self) -> String {
        self.handle.render()
    }

    /// Histograms pile up until somebody reads them or this is called.
    pub fn tidy(&self) {
        self.handle.run_upkeep();
    }

    pub fn request(&self, method: &Method, route: &str, status: StatusCode, took: Duration) {
        // What is not one of HTTP's own methods would let anybody make labels.
        let method = if is_known(method) { method.clone() } else { Method::TRACE };
        let key = (method, route.to_owned(), status.as_u16());
        let known = self.requests.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((count, times)) = known.get(&key) {
            count.increment(1);
            times.record(took);
            return;
        }
        drop(known);
        let mut known = self.requests.write().unwrap_or_else(PoisonError::into_inner);
        let (count, times) = known.entry(key).or_insert_with_key(|(method, route, status)| {
            let labels =
                vec![Label::new("method", method.to_string()), Label::new("route", route.clone())];
            let mut with_status = labels.clone();
            with_status.push(Label::new("status", status.to_string()));
            let count = Key::from_parts("inventory_http_requests_total", with_status);
            let times = Key::from_parts("inventory_http_request_duration_seconds", labels);
            (
                self.recorder.register_counter(&count, &META),
                self.recorder.register_histogram(&times, &META),
            )
        });
        count.increment(1);
        times.record(took);
    }

    pub fn batch(&self, commands: usize) {
        // At most a thousand: exact as a float.
        self.batch_size.record(commands as f64);
    }

    pub fn pool_wait(&self, waited: Duration) {
        self.pool_wait.record(waited);
    }

    pub fn deduction(&self, outcome: &str) {
        self.counter("inventory_deductions_total", &[("outcome", outcome)]).increment(1);
    }

    pub fn lock(&self, operation: &'static str, outcome: &'static str) {
        let labels = [("operation_type", operation), ("outcome", outcome)];
        self.counter("inventory_lock_total", &labels).increment(1);
    }

    pub fn update(&self, operation: &'static str, took: Duration) {
        let key = Key::from_parts(
            "inventory_update_latency_seconds",
            vec![Label::from_static_parts("operation", operation)],
        );
        self.recorder.register_histogram(&key, &META).record(took);
    }

    pub fn gauge(&self, name: &'static str, labels: &[(&'static str, &str)], value: f64) {
        self.registered_gauge(name, labels).set(value);
    }

    fn registered_gauge(&self, name: &'static str, labels: &[(&'static str, &str)]) -> Gauge {
        self.recorder.register_gauge(&Key::from_parts(name, own(labels)), &META)
    }

    fn counter(&self, name: &'static str, labels: &[(&'static str, &str)]) -> Counter {
        self.recorder.register_counter(&Key::from_parts(name, own(labels)), &META)
    }
}

fn own(labels: &[(&'static str, &str)]) -> Vec<Label> {
    labels.iter().map(|(name, value)| Label::new(*name, (*value).to_owned())).collect()
}

fn is_known(method: &Method) -> bool {
    [
        Method::GET,
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::HEAD,
        Method::OPTIONS,
        Method::PATCH,
    ]
    .contains(method)
}
