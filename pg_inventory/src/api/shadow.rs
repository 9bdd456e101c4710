//! Shadows: `start_shadow`, `stop_shadow`, `feed_shadow`, called in the shadow.
//!
//! A shadow is another inventory that a part of the movements of a source is applied to, in the order of
//! its journal. Its cursor moves in the transaction of their effects, so nothing comes twice or is left out.
//! Beside each row stands what the source had after the last movement that came: so both are compared at the
//! same place in the journal. Holds stay where they are made; only what lies on the shelf is followed.

use crate::engine::{self, Outcome, Patience, Task};
use crate::pg::call::{Answer, Call, Shape, Value};
use crate::pg::server;
use crate::pg::spi::{self, Args, Spi};
use crate::{plans, session, sql_function};
use inventory_core::command::{
    Action, Command, Delta, Line, Origin, Place, Quantity, RequestId, WarehouseId,
};
use inventory_core::fingerprint::Content;
use inventory_core::text::{Label, required};
use inventory_core::{LINES_MAX, Refusal};
use pgrx::pg_sys::{INT8OID, TEXTOID};

sql_function!(start_shadow);
sql_function!(stop_shadow);
sql_function!(feed_shadow);

/// All of the traffic.
const WHOLE: i32 = 1_000_000;
/// The most bytes of a cursor: one that names a thousand transactions has some twenty thousand.
const CURSOR_MAX: usize = 2_000_000;

static FED: Shape = Shape {
    name: "fed",
    columns: &[(c"state", TEXTOID), (c"applied", INT8OID), (c"refused", INT8OID)],
};

fn source(call: &Call) -> Result<Label, Refusal> {
    Label::required("source", call.text(0))
}

/// Where to go on; NULL from the beginning.
fn start_shadow(call: &Call) -> Result<Answer, Refusal> {
    let source = source(call)?;
    let share = required("share", call.int4(1))?;
    if !(1..=WHOLE).contains(&share) {
        return Err(Refusal::invalid(format!("share must be 1 to {WHOLE}, parts of a million")));
    }
    let by = required("share_by", call.text(2))?;
    if !matches!(by.as_str(), "sku" | "user") {
        return Err(Refusal::invalid("share_by must be sku or user"));
    }
    spi::connect(|spi| {
        session::writing(spi, Patience::Wait)?;
        let found = spi.execute(plans::FIND_SHADOW.plan(spi), &Args::new().text(&source));
        if let Some(row) = found.first()
            && (row.int4(1) != share || row.text(2) != by)
        {
            return Err(Refusal::invalid(format!(
                "this shadow follows {source} with a share of {} by {}: another share needs a shadow that is empty",
                row.int4(1),
                row.text(2)
            )));
        }
        let args = Args::new().text(&source).int4(share).text(&by).moment(server::now());
        spi.execute(plans::START_SHADOW.plan(spi), &args);
        let cursor = found.first().and_then(|row| row.maybe_text(4));
        Ok(Answer::Scalar(Value::maybe_text(cursor)))
    })
}

fn stop_shadow(call: &Call) -> Result<Answer, Refusal> {
    let source = source(call)?;
    spi::connect(|spi| {
        session::writing(spi, Patience::Wait)?;
        let args = Args::new().text(&source).moment(server::now());
        if spi.execute(plans::STOP_SHADOW.plan(spi), &args).processed() == 0 {
            return Err(unknown(&source));
        }
        Ok(Answer::Scalar(Value::text("STOPPED")))
    })
}

fn unknown(source: &Label) -> Refusal {
    Refusal::invalid(format!("this is no shadow of {source}: start it first"))
}

/// A movement of the source.
struct Fed {
    id: i64,
    place: Place,
    lot: Option<Label>,
    delta: i64,
    /// Of the source's row after it; None where only a part of its movements comes.
    on_hand: Option<i64>,
    version: Option<i64>,
}

fn feed_shadow(call: &Call) -> Result<Answer, Refusal> {
    let source = source(call)?;
    let (before, after) = (call.text(1), required("after", call.text(2))?);
    if after.len() > CURSOR_MAX {
        return Err(Refusal::invalid(format!("after must have at most {CURSOR_MAX} bytes")));
    }
    let caught_up_at = call.moment(3);
    let movements = movements(call)?;
    let fed = |state: &str, applied: i64, refused: i64| {
        Answer::Row(&FED, vec![Value::text(state), Value::Int8(applied), Value::Int8(refused)])
    };
    spi::connect(|spi| {
        session::writing(spi, Patience::Wait)?;
        let found = spi.execute(plans::FIND_SHADOW.plan(spi), &Args::new().text(&source));
        let row = found.first().ok_or_else(|| unknown(&source))?;
        if row.text(3) != "RUNNING" {
            return Ok(fed("STOPPED", 0, 0));
        }
        if row.maybe_text(4) != before {
            return Ok(fed("MOVED", 0, 0));
        }
        let tasks: Vec<Task> = movements.iter().filter_map(|m| m.task(&source)).collect();
        let outcomes = if tasks.is_empty() {
            Vec::new()
        } else {
            engine::execute(spi, &tasks, Patience::Wait)?
        };
        let applied = outcomes.iter().filter(|o| matches!(o, Outcome::Accepted(_))).count() as i64;
        let refused = outcomes.len() as i64 - applied;
        movements.iter().for_each(|m| m.keep(spi));
        let args = Args::new().text(&source).text(&after).int8(applied).int8(refused);
        let args = args.maybe_moment(caught_up_at).moment(server::now());
        spi.execute(plans::KEEP_SHADOW.plan(spi), &args);
        Ok(fed("RUNNING", applied, refused))
    })
}

fn movements(call: &Call) -> Result<Vec<Fed>, Refusal> {
    let ids = required("ids", call.int8s("ids", 4)?)?;
    let skus = required("skus", call.texts("skus", 5)?)?;
    let warehouses = required("warehouse_ids", call.int4s("warehouse_ids", 6)?)?;
    let lots = required("lots", call.texts("lots", 7)?)?;
    let deltas = required("deltas", call.int8s("deltas", 8)?)?;
    let on_hands = required("on_hands", call.int8s("on_hands", 9)?)?;
    let versions = required("versions", call.int8s("versions", 10)?)?;
    let lines = ids.len();
    let lengths = [skus.len(), warehouses.len(), lots.len(), deltas.len(), on_hands.len()];
    if lengths.iter().any(|n| *n != lines) || versions.len() != lines || lines > LINES_MAX {
        return Err(Refusal::invalid(format!(
            "the arrays must have the same length, at most {LINES_MAX}"
        )));
    }
    let movement = |at: usize| {
        Ok(Fed {
            id: required("id", ids[at])?,
            place: Place {
                sku: Label::required("sku", skus[at])?,
                warehouse_id: WarehouseId::used("warehouse_id", warehouses[at])?,
            },
            lot: Label::optional("lot", lots[at])?,
            delta: required("delta", deltas[at])?,
            on_hand: on_hands[at],
            version: versions[at],
        })
    };
    (0..lines).map(movement).collect()
}

impl Fed {
    /// What comes in may bring its lot; what goes out is a correction, whatever it was over there. Nothing
    /// where nothing moves on the shelf.
    fn task(&self, source: &Label) -> Option<Task> {
        if self.delta == 0 {
            return None;
        }
        let command = self.action(source).map(|action| {
            let id = Content::of("shadow").text(source).int(self.id).finish();
            let operator = Some(Label::fixed("inventory shadow"));
            let origin = Origin { request_id: Some(RequestId(id)), operator, ..Origin::default() };
            Command { origin, action }
        });
        Some(Task { command, places: Vec::new() })
    }

    fn action(&self, source: &Label) -> Result<Action, Refusal> {
        let (place, lot, reason) = (self.place.clone(), self.lot.clone(), source.clone());
        if self.delta > 0 {
            let quantity = Quantity::new(Some(self.delta))?;
            return Ok(Action::Receive {
                line: Line { place, lot, quantity, reason },
                expires_on: None,
            });
        }
        Ok(Action::Adjust { place, lot, delta: Delta::new(Some(self.delta))?, reason })
    }

    fn keep(&self, spi: &Spi) {
        let args = Args::new().text(&self.place.sku).int4(self.place.warehouse_id.number());
        let args = args.text(self.lot.as_deref().unwrap_or("")).int8(self.delta);
        let args = args.maybe_int8(self.on_hand).maybe_int8(self.version);
        spi.execute(plans::KEEP_SHADOW_ROW.plan(spi), &args);
    }
}
