//! `set_hot`: a SKU is called hot, or cold, by hand.

use super::once::once;
use super::{CHANGED, ok, origin};
use crate::pg::call::{Answer, Call, Value};
use crate::pg::spi::Args;
use crate::upkeep::hot::{self, Found};
use crate::{plans, sql_function};
use inventory_core::fingerprint::Content;
use inventory_core::text::{Label, required};
use inventory_core::{Code, Refusal};

sql_function!(set_hot);

/// Hot by hand stays hot until it is called cold by hand. Cold by hand may become hot by itself.
fn set_hot(call: &Call) -> Result<Answer, Refusal> {
    let sku = Label::required("sku", call.text(0))?;
    let hot = required("hot", call.bool(1))?;
    let origin = origin(call, 2)?;
    let content = Content::of("set_hot").text(&sku).int(hot.into()).finish();
    let done = once(origin, content, |spi, session, once| {
        if spi.execute(plans::SHARE_PRODUCT.plan(spi), &Args::new().text(&sku)).len() == 0 {
            return Err(Refusal::new(Code::UnknownSku, format!("SKU {sku} does not exist")));
        }
        let found = hot::lock(spi, &sku);
        let changes = found.is_some() != hot;
        let once = once.with(changes.into());
        if let Some(first) = once.claim(spi)? {
            return Ok(first);
        }
        if hot {
            hot::keep_by_hand(spi, &sku);
        } else {
            hot::forget(spi, &sku);
        }
        if changes {
            let found = found.unwrap_or(Found::by_hand());
            hot::tell(spi, session, &sku, hot, found, &once.origin);
        }
        Ok(once.answer(spi, changes))
    })?;
    Ok(Answer::Row(&CHANGED, vec![ok(), Value::Bool(done.created), Value::Bool(done.replayed)]))
}
