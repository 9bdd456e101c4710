//! The journals that gateways keep of what they sold by themselves, compared with what the database was
//! told. Nothing here sets them right: a gateway tells of its sales when it is back.

use super::Finding;
use crate::deduct::ledger::{self, Found, Peeked, Settlement};
use crate::error::{Error, Result};
use crate::store::Session;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};
use uuid::Uuid;

/// A gateway that is there tells of a sale within a second; after this long it is not.
const SLOW_MS: i64 = 60_000;

/// None where no journal is named.
pub(super) async fn look(
    session: &mut Session,
    folders: &[PathBuf],
) -> Result<Option<(Vec<Finding>, String)>> {
    if folders.is_empty() {
        return Ok(None);
    }
    let mut findings = Vec::new();
    for folder in folders {
        let wrong = |cause| Error::usage(format!("--journal-dir: {cause}"));
        // The journal, then the database, then the journal: what was told meanwhile is no finding.
        let before = ledger::peek(folder).map_err(wrong)?;
        let ids: Vec<Uuid> = before.leases.iter().map(|s| s.lease.lease_id).collect();
        let told: HashMap<Uuid, i64> = session.sold_of_leases(&ids).await?.into_iter().collect();
        let completed: Vec<Uuid> =
            before.sales.iter().filter(|s| is_completed(s)).map(|s| s.sale.request_id).collect();
        // Without any the whole journal would be read for nothing.
        let known: HashSet<Uuid> = match completed.is_empty() {
            true => HashSet::new(),
            false => session.known_requests(&completed).await?.into_keys().collect(),
        };
        let after = ledger::peek(folder).map_err(wrong)?;
        findings.extend(judge(&before, &after, &told, &known, now_ms()));
    }
    let journals = if folders.len() == 1 {
        "1 journal".to_owned()
    } else {
        format!("{} journals", folders.len())
    };
    Ok(Some((findings, journals)))
}

fn is_completed(found: &Found) -> bool {
    matches!(found.settlement, Some(Settlement::Completed { .. }))
}

fn judge(
    before: &Peeked,
    after: &Peeked,
    told: &HashMap<Uuid, i64>,
    known: &HashSet<Uuid>,
    now_ms: i64,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let waiting: HashSet<Uuid> =
        after.sales.iter().filter(|s| s.settlement.is_none()).map(|s| s.sale.token).collect();
    for Found { sale, settlement, .. } in &before.sales {
        let what = format!("{} of {} in {}", sale.quantity, sale.sku, sale.warehouse_id);
        let subject = format!("sale {}", sale.token);
        match settlement {
            None if now_ms - sale.at_ms > SLOW_MS && waiting.contains(&sale.token) => {
                let actual = format!("{what}, only in the journal of {}", after.holder);
                findings.push(Finding::new("ledger_sale", subject, "in the database", actual));
            }
            Some(Settlement::Completed { order_no }) if !known.contains(&sale.request_id) => {
                let actual = format!("{what}, unknown to the database");
                findings.push(Finding::new(
                    "ledger_sale",
                    subject,
                    format!("order {order_no}"),
                    actual,
                ));
            }
            _ => {}
        }
    }
    for standing in &after.leases {
        let id = standing.lease.lease_id;
        if let Some(sold) = told.get(&id).filter(|sold| **sold > standing.sold) {
            let expected = format!("{} sold at most", standing.sold);
            let subject = format!("lease {id}");
            findings.push(Finding::new("ledger_lease", subject, expected, format!("{sold} sold")));
        }
    }
    findings
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
