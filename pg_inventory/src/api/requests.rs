//! `remembered_requests`: which of many requests had their effect, and under which order number.

use crate::engine;
use crate::pg::call::{Answer, Call, Value};
use crate::pg::spi;
use crate::session;
use crate::sql_function;
use inventory_core::command::RequestId;
use inventory_core::text::required;
use inventory_core::{LINES_MAX, Refusal};

sql_function!(remembered_requests);

/// Locks nothing and changes nothing; an id that is NULL stands for no request.
fn remembered_requests(call: &Call) -> Result<Answer, Refusal> {
    let ids = required("request_ids", call.uuids("request_ids", 0)?)?;
    if ids.len() > LINES_MAX {
        let given = ids.len();
        return Err(Refusal::invalid(format!("at most {LINES_MAX} ids a call, got {given}")));
    }
    let ids: Vec<RequestId> = ids.into_iter().flatten().map(RequestId).collect();
    spi::connect(|spi| {
        session::current(spi)?;
        let known = engine::look_up(spi, &ids).into_iter();
        let row = |(id, known): (RequestId, engine::Known)| {
            vec![Value::Uuid(id.0), Value::maybe_text(known.order.map(|order| order.text()))]
        };
        Ok(Answer::Rows(known.map(row).collect()))
    })
}
