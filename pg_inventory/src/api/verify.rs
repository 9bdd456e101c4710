//! `verify`: recomputes every invariant.

use crate::pg::call::{Answer, Call, Value};
use crate::pg::server;
use crate::pg::spi::{self, Spi};
use crate::session::{self, Session};
use crate::sql_function;
use inventory_core::Refusal;
use inventory_core::order_number::OrderNumber;

sql_function!(verify);

fn verify(_: &Call) -> Result<Answer, Refusal> {
    spi::connect(|spi| {
        let session = session::reading(spi)?;
        let faults = spi.script(include_str!("../../../sql/verify.sql"));
        let mut rows: Vec<Vec<Value>> = faults
            .iter()
            .map(|r| (1..=4).map(|c| Value::maybe_text(r.maybe_text(c))).collect())
            .collect();
        rows.extend(numbers_behind(spi, &session));
        rows.extend(ids_behind(spi, &session));
        Ok(Answer::Rows(rows))
    })
}

/// Warehouses whose sequence has not come as far as a number in the journal: that number could be
/// given again. The sequences are read after the journal, so that load makes no false alarm.
fn numbers_behind(spi: &Spi, session: &Session) -> Vec<Vec<Value>> {
    let given = spi.script(
        "SELECT pg_catalog.max(j.order_no) FROM inventory.journal AS j
          WHERE j.order_no IS NOT NULL GROUP BY pg_catalog.substr(j.order_no, 15, 3)",
    );
    let mut behind = Vec::new();
    for text in given.iter().map(|r| r.text(1)) {
        let Some(last) = OrderNumber::parse(&text) else {
            behind.push(fault("order_number", &text, "23 digits", "something else"));
            continue;
        };
        let subject = format!("warehouse {}", last.warehouse_id());
        let Ok(sequence) = session.numbers_of(spi, last.warehouse_id()) else {
            behind.push(fault("order_sequence", &subject, "a sequence", "none"));
            continue;
        };
        let counter = server::last_value(sequence).unwrap_or(0);
        if counter < last.counter() {
            let next = OrderNumber::from_counter(counter.max(0), last.warehouse_id()).text();
            behind.push(fault("order_sequence", &subject, &format!("at least {text}"), &next));
        }
    }
    behind
}

/// The journal's sequence, where it would give an id again.
fn ids_behind(spi: &Spi, session: &Session) -> Option<Vec<Value>> {
    let rows = spi.script("SELECT pg_catalog.max(j.id) FROM inventory.journal AS j");
    let last = rows.first()?.maybe_int8(1)?;
    let given = server::last_value(session.journal_ids).unwrap_or(0);
    let expected = format!("at least {last}");
    (given < last).then(|| fault("journal_sequence", "journal_id", &expected, &given.to_string()))
}

fn fault(check: &str, subject: &str, expected: &str, actual: &str) -> Vec<Value> {
    [check, subject, expected, actual].into_iter().map(Value::text).collect()
}
