//! `create_api_key`, `api_keys`, `revoke_api_key`, `touch_api_keys`: who may come in by HTTP.
//!
//! Of a key the database has only a hash. Whoever holds the gateway's right to read all of them keeps
//! them in memory and decides there.

use super::ok;
use crate::engine::Patience;
use crate::pg::call::{Answer, Call, Shape, Value};
use crate::pg::server;
use crate::pg::spi::{self, Args, Spi};
use crate::{plans, session, sql_function};
use inventory_core::text::{Label, name, required};
use inventory_core::time::Moment;
use inventory_core::{LINES_MAX, Refusal};
use pgrx::pg_sys::{BOOLOID, TEXTOID};

sql_function!(create_api_key);
sql_function!(api_keys);
sql_function!(revoke_api_key);
sql_function!(touch_api_keys);

const ROLES: [&str; 3] = ["reader", "operator", "admin"];
/// The most characters of a key's id.
const ID_MAX: usize = 32;
/// Bytes of a SHA-256.
const HASH: usize = 32;

static KEY: Shape = Shape { name: "key", columns: &[(c"code", TEXTOID), (c"changed", BOOLOID)] };

fn changed(changed: bool) -> Answer {
    Answer::Row(&KEY, vec![ok(), Value::Bool(changed)])
}

fn create_api_key(call: &Call) -> Result<Answer, Refusal> {
    let id = key_id(call)?;
    let name = name("name", call.text(1))?;
    let role = required("role", call.text(2))?;
    if !ROLES.contains(&role.as_str()) {
        return Err(Refusal::invalid("role must be reader, operator or admin"));
    }
    let hash = required("key_hash", call.bytes(3))?;
    if hash.len() != HASH {
        return Err(Refusal::invalid(format!("key_hash must have {HASH} bytes")));
    }
    let expires_at = call.moment(4);
    spi::connect(|spi| {
        session::writing(spi, Patience::Wait)?;
        let now = server::now();
        if expires_at.is_some_and(|at| at <= now) {
            return Err(Refusal::invalid("expires_at must be in the future"));
        }
        let args = Args::new().text(&id).text(&name).text(&role).bytes(&hash).moment(now);
        let insert = plans::INSERT_API_KEY.plan(spi);
        if spi.execute(insert, &args.maybe_moment(expires_at)).processed() == 0 {
            return Err(Refusal::invalid(format!("key {id}, or its hash, is there already")));
        }
        Ok(changed(true))
    })
}

/// Letters and digits: it is a part of the key's text.
fn key_id(call: &Call) -> Result<String, Refusal> {
    let id = required("key_id", call.text(0))?;
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    if !(1..=ID_MAX).contains(&id.len()) || !id.bytes().all(plain) {
        let detail = format!("key_id must have 1 to {ID_MAX} lower-case letters or digits");
        return Err(Refusal::invalid(detail));
    }
    Ok(id)
}

/// `key_id, name, role, key_hash, created_at, expires_at, last_used_at, revoked_at`
fn api_keys(_: &Call) -> Result<Answer, Refusal> {
    spi::connect(|spi| {
        session::current(spi)?;
        let rows = spi.execute(plans::ALL_API_KEYS.plan(spi), &Args::new());
        let row = |r: spi::Row<'_>| {
            let mut values: Vec<Value> = (1..=3).map(|c| Value::Text(r.text(c))).collect();
            values.push(Value::Bytes(r.bytes(4)));
            values.extend((5..=8).map(|c| Value::maybe_moment(r.maybe_moment(c))));
            values
        };
        Ok(Answer::Rows(rows.iter().map(row).collect()))
    })
}

fn revoke_api_key(call: &Call) -> Result<Answer, Refusal> {
    let id = key_id(call)?;
    spi::connect(|spi| {
        session::writing(spi, Patience::Wait)?;
        let found = spi.execute(plans::LOCK_API_KEY.plan(spi), &Args::new().text(&id));
        let key = found.first().ok_or_else(|| Refusal::invalid(format!("there is no key {id}")))?;
        let open = key.maybe_moment(1).is_none();
        if open {
            let args = Args::new().text(&id).moment(server::now());
            spi.execute(plans::REVOKE_API_KEY.plan(spi), &args);
        }
        Ok(changed(open))
    })
}

/// Gives how many of the keys were used later than was known.
fn touch_api_keys(call: &Call) -> Result<Answer, Refusal> {
    let ids = required("key_ids", call.texts("key_ids", 0)?)?;
    let used = required("used_at", call.moments("used_at", 1)?)?;
    if ids.len() != used.len() || ids.len() > LINES_MAX {
        let detail = format!("the arrays must have the same length, at most {LINES_MAX}");
        return Err(Refusal::invalid(detail));
    }
    let touches = ids
        .iter()
        .zip(&used)
        .map(|(id, at)| Ok((Label::required("key_id", *id)?, required("used_at", *at)?)));
    let touches = touches.collect::<Result<Vec<(Label, Moment)>, Refusal>>()?;
    spi::connect(|spi| {
        session::writing(spi, Patience::Wait)?;
        let touched = touches.iter().map(|(id, at)| touch(spi, id, *at)).sum::<usize>();
        Ok(Answer::Scalar(Value::Int4(i32::try_from(touched).unwrap_or(i32::MAX))))
    })
}

fn touch(spi: &Spi, id: &str, used_at: Moment) -> usize {
    let args = Args::new().text(id).moment(used_at);
    spi.execute(plans::TOUCH_API_KEY.plan(spi), &args).processed()
}
