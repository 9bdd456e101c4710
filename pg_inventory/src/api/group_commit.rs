//! `group_commit`: what the committers have done.

use crate::pg::call::{Answer, Call, Value};
use crate::pg::exchange::{Count, Desk, Service};
use crate::pg::spi::{self, Args};
use crate::sql_function;
use inventory_core::Refusal;
use pgrx::pg_sys::OIDOID;

sql_function!(group_commit);

fn group_commit(_: &Call) -> Result<Answer, Refusal> {
    Ok(Answer::Rows(Desk::all().map(row).collect()))
}

/// `database, service, since, batches, accepted, refused, busy, put_back, broken_batches, largest_batch`
fn row(desk: &Desk) -> Vec<Value> {
    use Count::{Accepted, Batches, Broken, Busy, Largest, PutBack, Refused};
    let counts = [Batches, Accepted, Refused, Busy, PutBack, Broken, Largest];
    let mut row = vec![
        Value::maybe_text(name(desk.database())),
        Value::text(word(desk.service())),
        Value::Moment(desk.since()),
    ];
    row.extend(counts.map(|count| Value::Int8(desk.count(count))));
    row
}

fn word(service: Service) -> &'static str {
    match service {
        Service::Closed => "idle",
        Service::Wanted | Service::Starting => "starting",
        Service::Open => "open",
        Service::Refused => "none to be had",
    }
}

fn name(database: u32) -> Option<String> {
    let sql = "SELECT d.datname::pg_catalog.text FROM pg_catalog.pg_database AS d WHERE d.oid = $1";
    spi::connect(|spi| spi.once(sql, &[OIDOID], &Args::new().oid(database)).first()?.maybe_text(1))
}
