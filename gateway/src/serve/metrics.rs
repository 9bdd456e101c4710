//! What `/metrics` shows. Names and labels are the contract's.

use super::family::Family;
use crate::error::{Error, Result};
use crate::events::Topic;
use crate::store::{Backlog, Drift, HotSku, ShownLevel, SinkStatus};
use axum::http::{Method, StatusCode};
use inventory_core::refusal::Code;
use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{
    Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

/// Series of each kind about a shadow.
const DRIFT_MAX: usize = 1_000;
const SECONDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
const SIZES: [f64; 11] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 750.0, 1000.0];

static META: Metadata<'static> = Metadata::new("inventory", Level::INFO, None);

const HELP: &[(&str, &str)] = &[
    (
        "inventory_lock_total",
        "Commands that had their rows (acquired), did not get them in time (busy), and of both those \
         that another transaction made wait (waited)",
    ),
    (
        "inventory_update_latency_seconds",
        "From a command's arrival until its effect was durable, or until it was refused",
    ),
    ("inventory_deductions_total", "Deductions by what became of them"),
    ("inventory_batch_size", "Commands in a statement"),
    ("inventory_breaker_state", "0 closed, 1 half open, 2 open"),
    ("inventory_hot_skus", "SKUs that are hot now"),
    ("inventory_sagas", "Sagas that have not ended, by state; at most 10,000 of each are counted"),
    ("inventory_saga_calls_total", "Calls of participants by what came of them"),
    ("inventory_sagas_ended_total", "Sagas that ended here, by state"),
    ("inventory_event_clients", "Streams of events that are open"),
    (
        "inventory_event_clients_cut_total",
        "Streams that were ended because nobody took what they said",
    ),
    ("inventory_events_total", "Events read for those who listen, by topic"),
    ("inventory_low_skus", "SKUs that are low in a warehouse; at most 10,000 are counted"),
    (
        "inventory_leases",
        "Open leases, current or overdue (past their time, with goods set aside still)",
    ),
    ("inventory_leased_units", "Units that they still set aside"),
    (
        "inventory_check_timestamp_seconds",
        "When a look at everything came to its end last; 0 for not yet",
    ),
    (
        "inventory_shadow_caught_up_timestamp_seconds",
        "When the shadow had heard all that had happened; 0 for never, or without a shadow",
    ),
    ("inventory_shadow_reads_total", "Reads for the shadow, by whether it answered or its source"),
    ("inventory_pool_connections", "Connections to the database by state"),
    ("inventory_pool_wait_seconds", "Waiting for a connection"),
    ("inventory_http_requests_total", "Requests by method, route and status"),
    ("inventory_http_request_duration_seconds", "From the head of a request to that of its answer"),
];

/// Of a gateway that keeps a journal; another does not have them.
const LEASE_HELP: [(&str, &str); 3] = [
    ("inventory_leases_held", "Leases that this gateway sells from while the database is away"),
    ("inventory_lease_units_left", "Units that it may sell from them"),
    ("inventory_lease_sales_untold", "Sales from leases that the database does not know of yet"),
];

/// The commands that change stock, holds or orders, with the routes that take them.
const OPERATIONS: [(&str, &str); 15] = [
    ("deduct", "/v1/deductions"),
    ("receive", "/v1/receipts"),
    ("adjust", "/v1/adjustments"),
    ("recount", "/v1/stock/{sku}/on-hand"),
    ("transfer", "/v1/transfers"),
    ("reserve", "/v1/reservations"),
    ("confirm", "/v1/reservations/{id}/confirm"),
    ("release", "/v1/reservations/{id}/release"),
    ("create_order", "/v1/orders"),
    ("start_order", "/v1/orders/{order_no}/start"),
    ("complete_order", "/v1/orders/{order_no}/complete"),
    ("fail_order", "/v1/orders/{order_no}/fail"),
    ("revert_order", "/v1/orders/{order_no}/revert"),
    ("put_product", "/v1/products/{sku}"),
    ("put_warehouse", "/v1/warehouses/{id}"),
];

/// What is counted of one of them.
struct Operation {
    name: &'static str,
    route: &'static str,
    latency: Histogram,
    acquired: Counter,
    waited: Counter,
    busy: Counter,
}

/// Method, route and status.
type Asked = (Method, String, u16);

/// One registry a service, so that two in one process count apart.
pub struct Metrics {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    requests: RwLock<HashMap<Asked, (Counter, Histogram)>>,
    batch_size: Histogram,
    pool_wait: Histogram,
    operations: Vec<Operation>,
    levels: Family,
    hot: Family,
    /// By check; no series where all is sound.
    pub check_findings: Family,
    pub findings: Family,
    shadow_delta: Family,
    shadow_missing: Family,
    outbox_pending: Family,
    outbox_lag: Family,
    outbox_parked: Family,
    outbox_delivered: Family,
}

impl Metrics {
    pub fn new() -> Result<Metrics> {
        let wrong = |cause| Error::Answer(format!("metrics: {cause}"));
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
            .and_then(|b| b.set_buckets_for_metric(Matcher::Suffix("_size".to_owned()), &SIZES))
            .map_err(wrong)?
            .build_recorder();
        for (name, help) in HELP.iter().copied().chain(LEASE_HELP) {
            let (name, help) = (name.into(), help.into());
            // Which kind it is follows from what is registered.
            recorder.describe_gauge(name, None, help);
        }
        let batch_size =
            recorder.register_histogram(&Key::from_name("inventory_batch_size"), &META);
        let pool_wait =
            recorder.register_histogram(&Key::from_name("inventory_pool_wait_seconds"), &META);
        let operations = OPERATIONS.map(|operation| Operation::new(&recorder, operation)).into();
        let metrics = Metrics {
            handle: recorder.handle(),
            recorder,
            requests: RwLock::default(),
            batch_size,
            pool_wait,
            operations,
            levels: Family::gauge(
                "inventory_stock_level",
                "Units on hand of hot, low and watched SKUs",
            ),
            hot: Family::gauge(
                "inventory_hot_sku_rate",
                "Commands a second for each SKU that is hot, when it was looked at last",
            ),
            check_findings: Family::gauge(
                "inventory_check_findings",
                "What the last look at everything found and nobody has settled, by check; no series where all is sound",
            ),
            shadow_delta: Family::gauge(
                "inventory_shadow_delta",
                "Units that the shadow has more on hand than its source had, where it differs",
            ),
            shadow_missing: Family::gauge(
                "inventory_shadow_versions_missing",
                "Versions of the source's row that the shadow did not hear of, where there are any",
            ),
            findings: Family::gauge(
                "inventory_doctor_findings",
                "What doctor() found, by topic; no series where all is well",
            ),
            outbox_pending: Family::gauge(
                "inventory_outbox_pending",
                "Events that a sink has still to hear; without a label, the slowest sink, or all where there is none",
            ),
            outbox_lag: Family::gauge("inventory_outbox_lag_seconds", "Age of the oldest of them"),
            outbox_parked: Family::gauge(
                "inventory_outbox_parked",
                "Events that a sink did not take: tried again, or given up",
            ),
            outbox_delivered: Family::counter(
                "inventory_outbox_delivered_total",
                "Events that a sink was told",
            ),
        };
        metrics.show_from_the_start();
        metrics.show_outbox(&Backlog::default(), &[]);
        Ok(metrics)
    }

    /// A dashboard sees every name before anything has happened.
    fn show_from_the_start(&self) {
        for outcome in ["accepted", "insufficient_stock"] {
            self.counter("inventory_deductions_total", &[("outcome", outcome)]).increment(0);
        }
        for name in [
            "inventory_breaker_state",
            "inventory_hot_skus",
            "inventory_event_clients",
            "inventory_low_skus",
            "inventory_check_timestamp_seconds",
            "inventory_shadow_caught_up_timestamp_seconds",
        ] {
            self.gauge(name, &[], 0.0);
        }
        for state in ["RUNNING", "REVERTING", "NEEDS_ATTENTION"] {
            self.gauge("inventory_sagas", &[("state", state)], 0.0);
        }
        for outcome in ["done", "refused", "working", "unknown"] {
            self.counter("inventory_saga_calls_total", &[("outcome", outcome)]).increment(0);
        }
        for by in ["shadow", "source"] {
            self.counter("inventory_shadow_reads_total", &[("answered_by", by)]).increment(0);
        }
        for state in ["completed", "reverted"] {
            self.counter("inventory_sagas_ended_total", &[("state", state)]).increment(0);
        }
        self.counter("inventory_event_clients_cut_total", &[]).increment(0);
        for topic in Topic::ALL {
            self.counter("inventory_events_total", &[("topic", topic.as_str())]).increment(0);
        }
        for state in ["current", "overdue"] {
            self.gauge("inventory_leases", &[("state", state)], 0.0);
            self.gauge("inventory_leased_units", &[("state", state)], 0.0);
        }
        for state in ["idle", "busy", "unopened"] {
            self.gauge("inventory_pool_connections", &[("state", state)], 0.0);
        }
        let health = (Method::GET, "/healthz".to_owned(), StatusCode::OK.as_u16());
        self.counted(health, |count, _| count.increment(0));
    }

    pub fn render(&self) -> String {
        let anew = [
            &self.levels,
            &self.hot,
            &self.check_findings,
            &self.findings,
            &self.shadow_delta,
            &self.shadow_missing,
            &self.outbox_pending,
            &self.outbox_lag,
            &self.outbox_parked,
            &self.outbox_delivered,
        ];
        self.handle.render() + &anew.map(Family::render).concat()
    }

    /// In place of what was shown so far: `backlog` is what the slowest sink has still to hear.
    pub fn show_outbox(&self, backlog: &Backlog, sinks: &[SinkStatus]) {
        let of = |sink: &SinkStatus| vec![("sink", sink.name.clone())];
        let pending = sinks.iter().map(|sink| (of(sink), sink.pending));
        self.outbox_pending.show(whole_of(backlog.pending).chain(pending));
        let lag = sinks.iter().map(|sink| (of(sink), sink.lag_seconds));
        self.outbox_lag.show(whole_of(backlog.lag_seconds).chain(lag));
        let parked = sinks.iter().flat_map(|sink| {
            [("retry", sink.retrying), ("dead", sink.dead)].map(|(status, events)| {
                ([("sink", sink.name.clone()), ("status", status.to_owned())], events)
            })
        });
        self.outbox_parked.show(parked);
        self.outbox_delivered.show(sinks.iter().map(|sink| (of(sink), sink.delivered)));
    }

    /// In place of those shown so far.
    pub fn show_levels(&self, levels: Vec<ShownLevel>) {
        self.levels.show(levels.into_iter().map(|l| (place(l.sku, l.warehouse_id), l.on_hand)));
    }

    /// In place of those shown so far.
    pub fn show_hot(&self, hot: Vec<HotSku>) {
        // At most a hundred: exact as a float.
        self.gauge("inventory_hot_skus", &[], hot.len() as f64);
        self.hot.show(hot.into_iter().map(|h| (place(h.sku, h.warehouse_id), h.rate)));
    }

    /// In place of what was shown so far.
    pub fn show_drift(&self, drift: &[Drift]) {
        let show = |family: &Family, units: fn(&Drift) -> i64| {
            let rows = drift.iter().filter(|row| units(row) != 0).take(DRIFT_MAX);
            family.show(rows.map(|row| (row_of(row), units(row))));
        };
        show(&self.shadow_delta, Drift::delta);
        show(&self.shadow_missing, |row| row.missing);
    }

    /// A read that the shadow was asked for.
    pub fn shadow_read(&self, answered: bool) {
        let by = if answered { "shadow" } else { "source" };
        self.counter("inventory_shadow_reads_total", &[("answered_by", by)]).increment(1);
    }

    /// A command that came by this route; `refusal` is the code of one that was not carried out.
    pub fn command(&self, method: &Method, route: &str, refusal: Option<&str>, took: Duration) {
        let changes = matches!(*method, Method::POST | Method::PUT);
        let Some(operation) = self.operations.iter().find(|known| changes && known.route == route)
        else {
            return;
        };
        operation.latency.record(took);
        match refusal {
            None => operation.acquired.increment(1),
            Some(code) if code == Code::Busy.as_str() => operation.busy.increment(1),
            Some(_) => {}
        }
    }

    /// A command of that name steps aside, to wait for its rows.
    pub fn waits(&self, name: &str) {
        if let Some(operation) = self.operations.iter().find(|known| known.name == name) {
            operation.waited.increment(1);
        }
    }

    /// Histograms pile up until somebody reads them or this is called.
    pub fn tidy(&self) {
        self.handle.run_upkeep();
    }

    pub fn request(&self, method: &Method, route: &str, status: StatusCode, took: Duration) {
        // What is not one of HTTP's own methods would let anybody make labels.
        let method = if is_known(method) { method.clone() } else { Method::TRACE };
        let key = (method, route.to_owned(), status.as_u16());
        self.counted(key, |count, times| {
            count.increment(1);
            times.record(took);
        });
    }

    fn counted(&self, key: (Method, String, u16), count_it: impl FnOnce(&Counter, &Histogram)) {
        let known = self.requests.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((count, times)) = known.get(&key) {
            return count_it(count, times);
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
        count_it(count, times);
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

    pub fn saga_call(&self, outcome: &str) {
        self.counter("inventory_saga_calls_total", &[("outcome", outcome)]).increment(1);
    }

    /// `state` is `completed` or `reverted`.
    pub fn saga_ended(&self, state: &str) {
        self.counter("inventory_sagas_ended_total", &[("state", state)]).increment(1);
    }

    /// One that was read for those who listen.
    pub fn event(&self, topic: Topic) {
        self.counter("inventory_events_total", &[("topic", topic.as_str())]).increment(1);
    }

    /// A stream of events that its client does not take.
    pub fn event_client_cut(&self) {
        self.counter("inventory_event_clients_cut_total", &[]).increment(1);
    }

    /// Leases with their units, and sales that the database is to be told of.
    pub fn leases(&self, (held, left): (usize, i64), untold: usize) {
        // Far below 2^53, up to which a float is exact.
        let values = [held as f64, left as f64, untold as f64];
        for ((name, _), value) in LEASE_HELP.into_iter().zip(values) {
            self.gauge(name, &[], value);
        }
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

impl Operation {
    fn new(
        recorder: &PrometheusRecorder,
        (name, route): (&'static str, &'static str),
    ) -> Operation {
        let latency = vec![Label::from_static_parts("operation", name)];
        let latency = Key::from_parts("inventory_update_latency_seconds", latency);
        let lock = |outcome| {
            let labels = own(&[("operation_type", name), ("outcome", outcome)]);
            let key = Key::from_parts("inventory_lock_total", labels);
            recorder.register_counter(&key, &META)
        };
        Operation {
            name,
            route,
            latency: recorder.register_histogram(&latency, &META),
            acquired: lock("acquired"),
            waited: lock("waited"),
            busy: lock("busy"),
        }
    }
}

/// What has no label.
fn whole_of<V>(value: V) -> std::iter::Once<(Vec<(&'static str, String)>, V)> {
    std::iter::once((Vec::new(), value))
}

fn place(sku: String, warehouse_id: i32) -> [(&'static str, String); 2] {
    [("product_id", sku), ("warehouse_id", warehouse_id.to_string())]
}

fn row_of(row: &Drift) -> [(&'static str, String); 3] {
    let [sku, warehouse_id] = place(row.sku.clone(), row.warehouse_id);
    [sku, warehouse_id, ("lot", row.lot.clone())]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_there_before_anything_happens() {
        let text = Metrics::new().unwrap().render();
        let beside = ["inventory_outbox_pending", "inventory_outbox_lag_seconds"];
        for name in HELP.iter().map(|(name, _)| *name).chain(beside) {
            assert!(text.contains(&format!("# TYPE {name} ")), "{name} in {text}");
        }
        assert!(
            text.contains("inventory_update_latency_seconds_bucket{operation=\"deduct\""),
            "{text}"
        );
        assert!(!text.contains("quantile"), "histograms are buckets: {text}");
    }
}
