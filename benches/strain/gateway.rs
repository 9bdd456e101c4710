//! `gateway`: as many requests as it can take, then half of that for long: it stays small, keeps its
//! connections, and answers as soon at the end as at the beginning.

use std::ops::Range;
use std::time::Duration;

use inventory_benches::figures::{latencies_us, now_us, percentile_ms};
use inventory_benches::http::{HttpLoad, Request};
use inventory_benches::service::{api_key, gateway};
use inventory_benches::{Bound, Call, Check, Database, Error, Result, Service};

use crate::goods::{self, PLENTY};
use crate::outcome::{Outcome, Seen};
use crate::site::{Site, close};

pub const NAME: &str = "gateway";

const CLIENTS: u32 = 256;
/// A client waits for its answer before it sends again: at half of the rate fewer of them are needed, but all stay.
const SHARE: f64 = 0.5;
const FULL_LENGTH: Duration = Duration::from_secs(600);
const LENGTH: Duration = Duration::from_secs(120);
/// Of the length: in the first part caches fill, what comes after is held against its end.
const PARTS: u32 = 10;
const FULL_LOAD_MIB: Bound = Bound::AtMost(150.0);
/// So long before the end memory and connections are looked at, under way.
const LOOK_BEFORE_THE_END: Duration = Duration::from_secs(2);
/// Resident memory at the end over that after the first part.
const GROWTH: Bound = Bound::AtMost(1.1);
/// Connections to the database at the end over those after the first part.
const CONNECTIONS: Bound = Bound::AtMost(1.0);
/// p99 of the last third over that of the first, both after the first part.
const P99: Bound = Bound::AtMost(1.5);

const HOT: &str = r#"{"sku":"HOT","quantity":1}"#;
const SPREAD: &str = r#"{"sku":"SKU-{number}","quantity":1}"#;
const TWO_LINES: &str =
    r#"{"lines":[{"sku":"HOT","quantity":1},{"sku":"SKU-{number}","quantity":2}]}"#;
const RECEIPT: &str = r#"{"sku":"SKU-{number}","quantity":5}"#;
const HOLD: &str = r#"{"lines":[{"sku":"SKU-{number}","quantity":1}],"ttl_seconds":30}"#;
const ADJUST: &str = r#"{"sku":"SKU-{number}","delta":-1,"reason":"broken"}"#;
/// A product that nothing was ever received of.
const SOLD_OUT: &str = r#"{"sku":"SOLD-OUT","quantity":1}"#;

const DEDUCTION: Request = post("/v1/deductions", HOT, 201);
/// A shop's day: four of ten sell, two of them the hot SKU.
const MIXED: [Request; 10] = [
    DEDUCTION,
    Request { method: "GET", path: "/v1/stock/HOT", body: None, status: 200 },
    post("/v1/deductions", SPREAD, 201),
    post("/v1/reservations", HOLD, 201),
    post("/v1/deductions", SOLD_OUT, 400),
    DEDUCTION,
    Request { method: "GET", path: "/v1/stock?limit=20", body: None, status: 200 },
    post("/v1/receipts", RECEIPT, 201),
    post("/v1/deductions", TWO_LINES, 201),
    post("/v1/adjustments", ADJUST, 201),
];

const fn post(path: &'static str, body: &'static str, status: u16) -> Request {
    Request { method: "POST", path, body: Some(body), status }
}

pub fn measure(site: &Site) -> Result<Outcome> {
    let mut outcome = Outcome::new(NAME);
    let database = site.database(NAME)?;
    goods::stock_up(site, &database, PLENTY)?;
    database.run("SELECT code FROM inventory.put_product('SOLD-OUT', 'Bench SOLD-OUT')")?;
    let api_key = api_key(&database)?;
    let (service, address) = Service::listening(gateway(&database, ""))?;
    let shop = Shop { site, database: &database, service, address, api_key };

    shop.full_load("deductions of one SKU", std::slice::from_ref(&DEDUCTION), &mut outcome)?;
    let capacity = shop.full_load("mixed requests", &MIXED, &mut outcome)?;
    let most = shop.service.memory_mib("VmHWM")?;
    outcome.checks.push(Check::new("memory under full load, MiB", most, FULL_LOAD_MIB));
    shop.half_load(capacity * SHARE, &mut outcome)?;
    drop(shop);
    close(site, [database])?;
    Ok(outcome)
}

struct Shop<'a> {
    site: &'a Site<'a>,
    database: &'a Database<'a>,
    service: Service,
    address: String,
    api_key: String,
}

impl Shop<'_> {
    /// As many calls as can be had; how many that is a second.
    fn full_load(&self, name: &str, requests: &[Request], outcome: &mut Outcome) -> Result<f64> {
        self.site.bar.phase(format!("{NAME}: {name}"), 0);
        let length = self.site.span().as_secs() as u32;
        self.load(name, requests, None).play(self.site.options.warm_up)?;
        let from = now_us();
        let calls = self.load(name, requests, None).play(length)?;
        let side = outcome.side(name, CLIENTS, &Seen::of(&calls, &(from..now_us())))?;
        Ok(side.calls_per_second)
    }

    fn half_load(&self, rate: f64, outcome: &mut Outcome) -> Result<()> {
        let length = if self.site.options.full { FULL_LENGTH } else { LENGTH };
        let part = length / PARTS;
        self.site.bar.phase(format!("{NAME}: half of that"), length.as_secs());
        let load = self.load("half of that", &MIXED, Some(rate));
        let from = now_us();
        let (calls, early, late) = std::thread::scope(|scope| {
            let calls = scope.spawn(|| load.play(length.as_secs() as u32));
            self.site.bar.wait(part);
            let early = self.look();
            self.site.bar.wait(length - part - LOOK_BEFORE_THE_END);
            let late = self.look();
            let crashed = |_| Error::NotMeasured("the load".to_owned());
            Ok::<_, Error>((calls.join().map_err(crashed)??, early?, late?))
        })?;
        let at = |share: f64| from + (length.as_micros() as f64 * share) as u64;
        outcome.side("half of that", CLIENTS, &Seen::of(&calls, &(at(0.1)..at(1.0))))?;
        outcome.note("memory after a tenth of the time", early.memory_mib, "MiB");
        outcome.note("connections to the database", late.connections, "");
        let growth = late.memory_mib / early.memory_mib;
        outcome.checks.push(Check::new("memory over that after a tenth", growth, GROWTH));
        let kept = late.connections / early.connections;
        outcome.checks.push(Check::new("connections over those after a tenth", kept, CONNECTIONS));
        let first = p99_of("first", &calls, at(0.1)..at(0.4), outcome)?;
        let p99 = p99_of("last", &calls, at(0.7)..at(1.0), outcome)? / first;
        outcome.checks.push(Check::new("p99 of the last third over the first", p99, P99));
        Ok(())
    }

    fn load<'a>(
        &'a self,
        name: &'a str,
        requests: &'a [Request],
        calls_per_second: Option<f64>,
    ) -> HttpLoad<'a> {
        let (address, api_key) = (self.address.as_str(), self.api_key.as_str());
        HttpLoad { name, address, api_key, clients: CLIENTS, requests, calls_per_second }
    }

    fn look(&self) -> Result<Look> {
        let connections = "SELECT count(*) FROM pg_stat_activity \
                            WHERE backend_type = 'client backend' AND usename LIKE 'bench_%'";
        Ok(Look {
            memory_mib: self.service.memory_mib("VmRSS")?,
            connections: self.database.number(connections)? as f64,
        })
    }
}

struct Look {
    memory_mib: f64,
    connections: f64,
}

/// Noted too.
fn p99_of(third: &str, calls: &[Call], within: Range<u64>, outcome: &mut Outcome) -> Result<f64> {
    let sorted = latencies_us(calls, &within);
    if sorted.is_empty() {
        return Err(Error::Idle { load: NAME.to_owned() });
    }
    let p99 = percentile_ms(&sorted, 99);
    outcome.note(format!("p99 of the {third} third"), p99, "ms");
    Ok(p99)
}
