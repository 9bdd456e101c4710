//! What clients were told of their calls, and whether the journal says the same.

use std::collections::{BTreeMap, HashMap, HashSet};

use uuid::Uuid;

use crate::database::Database;
use crate::session::{Answer, Refused};

/// How a call ended, as far as its client knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// With its effect; the order number, where it has one, and what was left on hand.
    Accepted { order_no: Option<String>, on_hand: i64 },
    /// Without effect.
    Refused(Refused),
    /// Nobody said: cancelled, cut off, or a server that died.
    Unknown(Refused),
}

/// One call, by its request id.
#[derive(Clone, Debug)]
pub struct Told {
    pub id: Uuid,
    pub sku: String,
    /// What it changes on hand.
    pub delta: i64,
    pub end: End,
}

/// What an error means that is no refusal of ours: the call may have had its effect.
const ENDS_UNKNOWN: [&str; 8] = [
    "",      // the connection is gone
    "57014", // cancelled
    "57P01", // terminated
    "57P02", // the server crashed
    "57P03", // it is starting or stopping
    "57P05", // the client was away
    "40003", // the committer ended while it committed
    "08006", // the client is gone
];

impl End {
    /// Reads the answer of a query for `order_no, on_hand`. Errors that no client can be prepared for
    /// fail the test.
    #[track_caller]
    pub fn of(answer: Result<Answer, Refused>) -> End {
        match answer {
            Ok(answer) => {
                let row = answer.rows.first().unwrap_or_else(|| panic!("an answer without a row"));
                let on_hand = row.get(1).and_then(|cell| cell.as_deref()?.parse().ok());
                End::Accepted {
                    order_no: row[0].clone(),
                    on_hand: on_hand.unwrap_or_else(|| panic!("levels are told, not {row:?}")),
                }
            }
            Err(refused) if refused.sqlstate.starts_with("IV") => End::Refused(refused),
            Err(refused) if ENDS_UNKNOWN.contains(&&*refused.sqlstate) => End::Unknown(refused),
            Err(refused) => panic!("no way for a call to end: {refused}"),
        }
    }

    pub fn accepted(&self) -> bool {
        matches!(self, End::Accepted { .. })
    }
}

/// A request as the journal has it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Written {
    rows: usize,
    delta: i64,
    order_no: Option<String>,
    on_hand: i64,
}

/// Compares what clients were told with the journal: each accepted call is there once and as it was
/// told, each other at most once, a refused one not at all, and nothing else moved the goods. `begun` is
/// what was on hand before.
pub async fn compare(
    db: &Database,
    begun: &BTreeMap<String, i64>,
    told: &[Told],
) -> Result<(), String> {
    let written = written(db).await;
    agree(&written, told)?;
    let mut left = begun.clone();
    for call in told.iter().filter(|call| written.contains_key(&call.id)) {
        *left.entry(call.sku.clone()).or_default() += call.delta;
    }
    let ours: HashSet<Uuid> = told.iter().map(|call| call.id).collect();
    assert_eq!(ours.len(), told.len(), "each call has a request id of its own");
    let by_others: Vec<_> = written.keys().filter(|id| !ours.contains(id)).collect();
    if !by_others.is_empty() {
        return Err(format!("nobody asked for {by_others:?}"));
    }
    levels(db, &left).await
}

/// The same of what was told so far, while others go on.
pub async fn compare_so_far(db: &Database, told: &[Told]) -> Result<(), String> {
    let written = written(db).await;
    if let Some((id, twice)) = written.iter().find(|(_, written)| written.rows > 1) {
        return Err(format!("{id} has more than one effect: {twice:?}"));
    }
    agree(&written, told)?;
    levels(db, &BTreeMap::new()).await
}

fn agree(written: &HashMap<Uuid, Written>, told: &[Told]) -> Result<(), String> {
    for call in told {
        let found = written.get(&call.id).cloned().unwrap_or_default();
        let agrees = match &call.end {
            End::Accepted { order_no, on_hand } => {
                let as_told = Written {
                    rows: 1,
                    delta: call.delta,
                    order_no: order_no.clone(),
                    on_hand: *on_hand,
                };
                found == as_told
            }
            End::Refused(_) => found.rows == 0,
            End::Unknown(_) => found.rows == 0 || found.rows == 1 && found.delta == call.delta,
        };
        if !agrees {
            return Err(format!("told {call:?}, written {found:?}"));
        }
    }
    Ok(())
}

async fn written(db: &Database) -> HashMap<Uuid, Written> {
    let journal = "SELECT j.request_id, count(*), sum(j.on_hand_delta), max(j.order_no), min(j.on_hand) \
         FROM inventory.journal AS j JOIN inventory.request AS r USING (request_id) \
        WHERE j.version IS NOT NULL GROUP BY 1";
    let answer = db.owner().await.query(journal).await.unwrap_or_else(|e| panic!("{e}"));
    let rows = answer.rows.into_iter().map(|row| {
        let number = |at: usize| row[at].as_deref().and_then(|n| n.parse::<i64>().ok());
        let written = Written {
            rows: number(1).and_then(|n| usize::try_from(n).ok()).unwrap_or_default(),
            delta: number(2).unwrap_or_default(),
            order_no: row[3].clone(),
            on_hand: number(4).unwrap_or_default(),
        };
        let id = row[0].as_deref().and_then(|id| id.parse().ok());
        (id.unwrap_or_else(|| panic!("a request id, not {row:?}")), written)
    });
    rows.collect()
}

async fn levels(db: &Database, left: &BTreeMap<String, i64>) -> Result<(), String> {
    let mut owner = db.owner().await;
    for (sku, on_hand) in left {
        let level = format!("SELECT on_hand FROM inventory.stock_level WHERE sku = '{sku}'");
        let level = owner.text(&level).await;
        if level != on_hand.to_string() {
            return Err(format!("{level} of {sku} are left, the clients' calls leave {on_hand}"));
        }
    }
    match owner.text("SELECT * FROM inventory.verify()").await {
        none if none.is_empty() => Ok(()),
        faults => Err(format!("verify(): {faults}")),
    }
}
