use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use inventory_tests::broker::Kind;
use inventory_tests::commands::python;
use inventory_tests::servers::repository;
use inventory_tests::{Authority, Broker, Pg, Relay, Verdict, skipped};

use super::relayed::{crowd, shop, told_all, until_told};

const ORDERS: usize = 400;
const SECRET: &str = "whsec_b2YgdGhlIHRlc3RzLCBhbmQgb2Ygbm9ib2R5IGVsc2U%3D";

/// A receiver of webhooks; gone when dropped.
struct Receiver {
    child: Child,
    port: u16,
}

impl Receiver {
    fn start(python: &Path, authority: &Authority) -> Receiver {
        let (certificate, key) = authority.server();
        let mut command = Command::new(python);
        command.arg(repository().join("tests/sinks/receiver.py")).arg(certificate).arg(key);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = said.next().unwrap().unwrap().parse().unwrap();
        std::thread::spawn(move || said.for_each(drop));
        Receiver { child, port }
    }

    fn target(&self) -> String {
        format!("webhook+https://:{SECRET}@localhost:{}/hook", self.port)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server whose certificate nobody vouches for is told nothing, and the sink says what to do; by a relay that
/// trusts who vouches for it it hears all.
pub async fn only_who_is_vouched_for_is_told(pg: Pg) -> Verdict {
    let Some(authority) = Authority::found() else { return skipped("no openssl") };
    let mut brokers = Vec::new();
    for kind in [Kind::Redis, Kind::Nats, Kind::RabbitMq] {
        brokers.extend(Broker::vouched_for(kind, &authority).await);
    }
    let receiver = python().map(|python| Receiver::start(&python, &authority));
    let targets = brokers.iter().map(Broker::secure_target);
    let targets: Vec<_> = targets.chain(receiver.iter().map(Receiver::target)).collect();
    if targets.is_empty() {
        return skipped("neither a broker nor Python");
    }
    let db = shop(&pg, targets).await;
    crowd(&db, ORDERS).await;
    let relay = Relay::start(&db);
    let mut reader = db.reader().await;
    reader.until("SELECT bool_and(failure IS NOT NULL) FROM inventory.sinks").await;
    let why = reader.text("SELECT delivered, address, failure FROM inventory.sinks").await;
    assert!(why.lines().all(|why| why.starts_with("0|") && why.contains("SSL_CERT_FILE")), "{why}");
    assert_eq!(relay.terminated().await, Some(0));
    let relay = Relay::trusting(&db, &authority);
    until_told(&db).await;
    for broker in &brokers {
        told_all(&db, broker, false).await;
    }
    assert_eq!(relay.terminated().await, Some(0));
    Verdict::Passed
}
