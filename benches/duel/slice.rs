//! One slice of one side: `pgbench` for a few seconds, and what it, the ledger and the server say of it.

use std::time::{Duration, Instant};

use inventory_benches::figures::latencies_us;
use inventory_benches::http::HttpLoad;
use inventory_benches::{Call, Error, Load, Result, Server};

use crate::plan::{Side, Way};
use crate::stage::Stage;

/// How long a slice lasts: first the part that is thrown away, while sessions open and plans are made.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    pub warm_up_seconds: u32,
    pub measured_seconds: u32,
}

#[derive(Debug, Default)]
pub struct Slice {
    /// Orders accepted in the measured part.
    pub accepted: u64,
    /// Orders accepted in the whole slice, over which log and processor are divided.
    pub accepted_with_warm_up: u64,
    pub latencies_us: Vec<u32>,
    pub wal_bytes: u64,
    pub cpu_seconds: f64,
}

/// Longest wait for autovacuum before a slice.
const QUIET_WITHIN: Duration = Duration::from_secs(20);

pub fn play(stage: &Stage, side: &Side, span: Span) -> Result<Slice> {
    let (server, database) = (stage.database.server, stage.database.name.as_str());
    wait_for_autovacuum(server)?;
    let rows_before = server.number(database, side.ledger)?;
    let lsn = server.value(database, "SELECT pg_current_wal_insert_lsn()")?;
    let cpu_before = server.cpu_seconds()?;

    let seconds = span.warm_up_seconds + span.measured_seconds;
    let calls = call(stage, side, seconds)?;

    let cpu_seconds = server.cpu_seconds()? - cpu_before;
    let wal_bytes = server.number(
        database,
        &format!("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '{lsn}')::bigint"),
    )?;
    let rows = server.number(database, side.ledger)? - rows_before;

    let acknowledged = calls.len() as u64;
    if rows != acknowledged * side.orders_per_call && side.leaves_rows() {
        let (side, orders_per_call) = (side.name.to_owned(), side.orders_per_call);
        return Err(Error::Ledger { side, calls: acknowledged, orders_per_call, rows });
    }
    let latencies_us = within_window(&calls, span);
    if latencies_us.is_empty() {
        return Err(Error::Idle { load: side.name.to_owned() });
    }
    let accepted = latencies_us.len() as u64 * side.orders_per_call;
    Ok(Slice {
        accepted,
        accepted_with_warm_up: acknowledged * side.orders_per_call,
        latencies_us,
        wal_bytes,
        cpu_seconds,
    })
}

fn call(stage: &Stage, side: &Side, seconds: u32) -> Result<Vec<Call>> {
    let (server, database) = (stage.database.server, stage.database.name.as_str());
    match &side.way {
        Way::Script(script) => {
            Load::new(side.name, *script, side.clients).play(server, database, seconds)
        }
        Way::Http(answerer, request) => {
            let load = HttpLoad {
                name: side.name,
                address: stage.services.address(*answerer),
                api_key: &stage.services.api_key,
                clients: side.clients,
                requests: std::slice::from_ref(request),
                calls_per_second: None,
            };
            load.play(seconds)
        }
    }
}

/// Vacuuming the rows of one side's slice must not slow the next side down.
fn wait_for_autovacuum(server: &Server) -> Result<()> {
    let workers = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'autovacuum worker'";
    let start = Instant::now();
    while server.number("postgres", workers)? > 0 && start.elapsed() < QUIET_WITHIN {
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// The latencies of the calls that ended in the measured part: the seconds up to the moment when clients were told to
/// begin no more. (`pgbench` counts its time from before its sessions are open, so the beginning marks nothing.)
/// Nothing when the sessions took so long to open that less than those seconds were left.
fn within_window(calls: &[Call], span: Span) -> Vec<u32> {
    let began = || calls.iter().map(|call| call.began_us());
    let (Some(first_us), Some(to_us)) = (began().min(), began().max()) else { return Vec::new() };
    let from_us = to_us.saturating_sub(u64::from(span.measured_seconds) * 1_000_000);
    if from_us < first_us {
        return Vec::new();
    }
    latencies_us(calls, &(from_us..to_us))
}

#[cfg(test)]
mod tests {
    use super::{Call, Span, within_window};

    #[test]
    fn measures_the_seconds_before_the_last_call_begins() {
        let call = |ended_us, latency_us| Call { script: 0, ended_us, latency_us };
        let calls =
            [call(10_000_100, 100), call(11_000_000, 7), call(12_999_999, 8), call(13_000_009, 9)];
        let span = |measured_seconds| Span { warm_up_seconds: 1, measured_seconds };
        assert_eq!(within_window(&calls, span(2)), [7, 8]);
        assert_eq!(within_window(&calls, span(4)), [0; 0]);
    }
}
