//! What comes in from outside: definitions and inputs as JSON, and what a coordinator tells of its calls.

use crate::api::holds::reason;
use crate::pg::call::Call;
use inventory_core::command::{Line, Place, Quantity, WarehouseId};
use inventory_core::hold::Ttl;
use inventory_core::saga::{self, Definition, Direction, Outcome};
use inventory_core::text::{Label, required};
use inventory_core::{LINES_MAX, Refusal};
use serde::Deserialize;

/// The most bytes of a definition.
pub(super) const DEFINITION_MAX: usize = 65_536;
/// Of an input: some thousand lines.
pub(super) const INPUT_MAX: usize = 262_144;
/// Of an answer.
const ANSWER_MAX: usize = 16_384;
/// The most levels of an input or an answer: both are told again inside of other documents, and those who read
/// them go no deeper than 128.
const LEVELS_MAX: usize = 64;
/// The most characters that are kept of why a call was not done.
const DETAIL_MAX: usize = 500;
/// Seconds for which goods are held where the input says nothing: the tries of a step, and then some.
const HOLD_SECONDS: i64 = 3_600;

/// What a saga that holds goods is told of them.
#[derive(Deserialize)]
struct Goods {
    lines: Vec<Wanted>,
    ttl_seconds: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    sku: Option<String>,
    quantity: Option<i64>,
    warehouse_id: Option<i32>,
    lot: Option<String>,
}

impl Wanted {
    fn line(self) -> Result<Line, Refusal> {
        Ok(Line {
            place: Place {
                sku: Label::required("sku", self.sku)?,
                warehouse_id: WarehouseId::used("warehouse_id", self.warehouse_id.or(Some(1)))?,
            },
            lot: Label::optional("lot", self.lot)?,
            quantity: Quantity::new(self.quantity)?,
            reason: reason(),
        })
    }
}

/// The hold that a saga's input asks for.
pub(super) fn wanted(input: &serde_json::Value) -> Result<(Vec<Line>, Ttl), Refusal> {
    let goods = Goods::deserialize(input).map_err(|error| {
        Refusal::invalid(format!(
            r#"input must have "lines", a list of {{"sku", "quantity", "warehouse_id"?, "lot"?}}: {error}"#
        ))
    })?;
    if !(1..=LINES_MAX).contains(&goods.lines.len()) {
        let got = goods.lines.len();
        return Err(Refusal::invalid(format!("input.lines: 1 to {LINES_MAX} of them, got {got}")));
    }
    let ttl = Ttl::new(goods.ttl_seconds.unwrap_or(HOLD_SECONDS).checked_mul(1_000_000))?;
    Ok((goods.lines.into_iter().map(Wanted::line).collect::<Result<_, Refusal>>()?, ttl))
}

pub(super) fn object(what: &str, json: Option<String>, max: usize) -> Result<String, Refusal> {
    let text = required(what, json)?;
    if !text.starts_with('{') {
        return Err(Refusal::invalid(format!("{what} must be a JSON object")));
    }
    if text.len() > max {
        return Err(Refusal::invalid(format!("{what} must have at most {max} bytes")));
    }
    Ok(text)
}

pub(super) fn definition(text: &str) -> Result<Definition, Refusal> {
    serde_json::from_str(text).map_err(|error| Refusal::invalid(format!("definition: {error}")))
}

/// PostgreSQL keeps what no participant could be told: numbers beyond all measure, lists in lists without end.
pub(super) fn parsed(what: &str, text: &str) -> Result<serde_json::Value, Refusal> {
    let wrong = |said: String| Refusal::invalid(format!("{what}: {said}"));
    let value = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
    if levels(&value) > LEVELS_MAX {
        return Err(wrong(format!("at most {LEVELS_MAX} levels of lists and objects")));
    }
    Ok(value)
}

fn levels(value: &serde_json::Value) -> usize {
    let deepest = match value {
        serde_json::Value::Array(list) => list.iter().map(levels).max(),
        serde_json::Value::Object(object) => object.values().map(levels).max(),
        _ => return 0,
    };
    1 + deepest.unwrap_or(0)
}

/// What a coordinator tells of the call it made.
pub(super) struct Report {
    pub(super) call: saga::Call,
    pub(super) outcome: Outcome,
    pub(super) answer: Option<String>,
    pub(super) detail: Option<String>,
}

impl Report {
    pub(super) fn of(call: &Call) -> Result<Option<Report>, Refusal> {
        let Some(outcome) = call.text(5) else { return Ok(None) };
        let unknown = || Refusal::invalid("outcome must be done, refused, working or unknown");
        let outcome = Outcome::from_name(&outcome).ok_or_else(unknown)?;
        let step = required("step", call.int4(3))?;
        let step = usize::try_from(step.saturating_sub(1));
        let step = step.map_err(|_| Refusal::invalid("step must be 1 or more"))?;
        let unknown = || Refusal::invalid("direction must be action or compensation");
        let direction = required("direction", call.text(4))?;
        let direction = Direction::from_name(&direction).ok_or_else(unknown)?;
        let (answer, lost) = match call.json(6).map(kept).transpose() {
            Ok(answer) => (answer, None),
            Err(refusal) => (None, Some(format!("without its answer, {}", refusal.detail))),
        };
        let detail = call.text(7).or(lost).map(|detail| short(&detail));
        Ok(Some(Report { call: saga::Call { step, direction }, outcome, answer, detail }))
    }
}

/// An answer that can be kept. What was done is done whatever was said of it, so one that cannot is no reason
/// to refuse the report: it would come again and again.
fn kept(answer: String) -> Result<String, Refusal> {
    if answer.len() > ANSWER_MAX {
        return Err(Refusal::invalid(format!("answer: at most {ANSWER_MAX} bytes")));
    }
    parsed("answer", &answer).map(|_| answer)
}

pub(super) fn short(detail: &str) -> String {
    detail.chars().filter(|c| !c.is_control()).take(DETAIL_MAX).collect()
}
