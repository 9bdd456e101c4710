//! Who is told by webhook: keeps what it heard, and can be away, slow or of another opinion.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use inventory_tests::{Database, Session};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// `whsec_` and 32 bytes in base64.
const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8%3D";

/// A receiver; gone when dropped.
pub struct Receiver {
    pub address: SocketAddr,
    state: Arc<Mind>,
    gate: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// An event as it was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The journal's id, the end of the event's.
    pub id: i64,
    pub whole_id: String,
    pub kind: String,
    pub sku: Option<String>,
    pub version: Option<i64>,
}

struct Mind {
    heard: Mutex<Vec<Heard>>,
    /// SKUs whose events are refused.
    refused: Mutex<BTreeSet<String>>,
    away: watch::Sender<bool>,
    open: watch::Receiver<bool>,
}

impl Receiver {
    pub async fn start() -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (gate, open) = watch::channel(true);
        let state = Arc::new(Mind {
            heard: Mutex::default(),
            refused: Mutex::default(),
            away: watch::channel(false).0,
            open,
        });
        let routes = Router::new().route("/hook", post(hear)).with_state(state.clone());
        let task = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Receiver { address, state, gate, task }
    }

    pub fn url(&self) -> String {
        format!("webhook+http://:{SECRET}@{}/hook", self.address)
    }

    /// All so far, in the order they came.
    pub fn heard(&self) -> Vec<Heard> {
        self.state.heard.lock().unwrap().clone()
    }

    pub fn ids(&self) -> BTreeSet<i64> {
        self.heard().iter().map(|heard| heard.id).collect()
    }

    pub fn refuse(&self, sku: &str) {
        self.state.refused.lock().unwrap().insert(sku.to_owned());
    }

    pub fn refuse_nothing(&self) {
        self.state.refused.lock().unwrap().clear();
    }

    pub fn be_away(&self, away: bool) {
        self.state.away.send_replace(away);
    }

    /// Hears, and does not answer until it is let go on.
    pub fn hold_back(&self) {
        self.gate.send_replace(false);
    }

    pub fn go_on(&self) {
        self.gate.send_replace(true);
    }

    #[track_caller]
    pub fn until(&self, what: impl Fn(&[Heard]) -> bool) -> impl Future<Output = ()> {
        let place = std::panic::Location::caller();
        async move {
            let begun = Instant::now();
            while !what(&self.heard()) {
                let heard = self.heard().len();
                assert!(begun.elapsed().as_secs() < 60, "at {place}: {heard} were heard");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }

    /// Waits until all that the journal has was heard, and asserts that each stock row's came in order.
    #[track_caller]
    pub fn until_complete<'a>(&'a self, db: &'a Database) -> impl Future<Output = ()> + use<'a> {
        let place = std::panic::Location::caller();
        async move {
            let mut owner = db.owner().await;
            let all = journal_ids(&mut owner).await;
            let begun = Instant::now();
            while !self.ids().is_superset(&all) {
                let missing: Vec<i64> = all.difference(&self.ids()).copied().take(5).collect();
                let late = begun.elapsed().as_secs() >= 60;
                assert!(!late, "at {place}: of {} not heard: {missing:?} …", all.len());
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            self.is_in_order();
        }
    }

    /// Of each SKU (with one stock row) versions rise, repeats aside.
    #[track_caller]
    pub fn is_in_order(&self) {
        let mut last = std::collections::BTreeMap::new();
        let mut seen = BTreeSet::new();
        for heard in self.heard().iter().filter(|heard| seen.insert(heard.id)) {
            let (Some(sku), Some(version)) = (&heard.sku, heard.version) else { continue };
            let before = last.insert(sku.clone(), version).unwrap_or(0);
            assert!(before < version, "{sku}: version {version} came after {before}");
        }
    }

    /// How many came more than once.
    pub fn repeats(&self) -> usize {
        self.heard().len() - self.ids().len()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn hear(State(mind): State<Arc<Mind>>, body: Bytes) -> StatusCode {
    if *mind.away.borrow() {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let event: Value = serde_json::from_slice(&body).unwrap();
    let sku = event["subject"].as_str().map(str::to_owned);
    if sku.as_ref().is_some_and(|sku| mind.refused.lock().unwrap().contains(sku)) {
        return StatusCode::UNPROCESSABLE_ENTITY;
    }
    let whole_id = event["id"].as_str().unwrap().to_owned();
    let id = whole_id.rsplit('-').next().unwrap().parse().unwrap();
    let kind = event["type"].as_str().unwrap().to_owned();
    let version = event["data"]["version"].as_i64();
    mind.heard.lock().unwrap().push(Heard { id, whole_id, kind, sku, version });
    let mut open = mind.open.clone();
    let _ = open.wait_for(|open| *open).await;
    StatusCode::NO_CONTENT
}

pub async fn journal_ids(owner: &mut Session) -> BTreeSet<i64> {
    let ids = owner.text("SELECT j.id FROM inventory.journal AS j ORDER BY j.id").await;
    ids.lines().map(|id| id.parse().unwrap()).collect()
}
