//! What a saga is made of, and what makes a definition sound.

use crate::Refusal;
use serde::{Deserialize, Serialize};

/// The participant whose actions are functions of the engine.
pub const ENGINE: &str = "engine";
/// The most steps of a saga.
const STEPS_MAX: usize = 20;
/// The most characters of a name.
const NAME_MAX: usize = 40;

/// The steps of a saga, in their order. It is stored with each saga that begins with it, so a file that
/// is changed changes none that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    pub name: String,
    /// `engine`, or the name of a service.
    pub participant: String,
    /// What it is asked for.
    pub action: String,
    /// What undoes it; nothing where there is nothing to undo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compensation: Option<String>,
    /// Milliseconds for one answer.
    #[serde(default = "timeout")]
    pub timeout_ms: u32,
    #[serde(default)]
    pub retry: Retry,
}

/// How often, and how fast, a participant is asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    pub tries: u32,
    /// Milliseconds before the second try; each pause is twice the one before.
    pub first_ms: u32,
    /// And at most.
    pub most_ms: u32,
    /// What happens to an action when the tries are over.
    pub then: Then,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Then {
    /// Somebody looks at it.
    Attention,
    /// It is given up, and everything undone.
    Revert,
}

/// Three seconds are long for a service next door, and short for a customer.
fn timeout() -> u32 {
    3_000
}

impl Default for Retry {
    /// Some ten minutes: longer than the restart of a service.
    fn default() -> Retry {
        Retry { tries: 20, first_ms: 200, most_ms: 60_000, then: Then::Attention }
    }
}

impl Retry {
    /// Microseconds until it is asked again after `tries`: between half of the pause and all of it.
    pub fn pause(&self, tries: i32, chance: f64) -> i64 {
        let doublings = u32::try_from(tries.saturating_sub(1)).unwrap_or(0).min(31);
        let full = (u64::from(self.first_ms) << doublings).min(self.most_ms.into());
        // At most an hour in microseconds: far below 2^53.
        let micros = full as f64 * 500.0 * (1.0 + chance.clamp(0.0, 1.0));
        micros as i64
    }
}

/// What the engine does for a saga.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Holds the lines of the saga's input.
    Reserve,
    /// Takes out what the saga holds.
    Confirm,
    /// Gives back what the saga holds.
    Release,
}

impl Engine {
    pub fn from_name(name: &str) -> Option<Engine> {
        match name {
            "reserve" => Some(Engine::Reserve),
            "confirm" => Some(Engine::Confirm),
            "release" => Some(Engine::Release),
            _ => None,
        }
    }
}

impl Step {
    pub fn of_engine(&self) -> bool {
        self.participant == ENGINE
    }
}

impl Definition {
    /// A saga that reserves stock, charges an account and takes the goods out.
    pub fn outbound_order() -> Definition {
        let step = |name: &str, participant: &str, compensation: Option<&str>| Step {
            name: name.to_owned(),
            participant: participant.to_owned(),
            action: name.to_owned(),
            compensation: compensation.map(str::to_owned),
            timeout_ms: timeout(),
            retry: Retry::default(),
        };
        Definition {
            steps: vec![
                step("reserve", ENGINE, Some("release")),
                step("charge", "account", Some("refund")),
                step("confirm", ENGINE, None),
            ],
        }
    }

    /// Whether it holds goods, so that its input must name them.
    pub fn reserves(&self) -> bool {
        self.steps.iter().any(|step| step.of_engine() && step.action == "reserve")
    }

    /// Whatever cannot end well is refused before it begins; the detail says where.
    pub fn check(&self) -> Result<(), Refusal> {
        if !(1..=STEPS_MAX).contains(&self.steps.len()) {
            let got = self.steps.len();
            return Err(Refusal::invalid(format!("steps: 1 to {STEPS_MAX} of them, got {got}")));
        }
        self.steps.iter().enumerate().try_for_each(|(at, step)| {
            self.check_step(at, step)
                .map_err(|wrong| Refusal::invalid(format!("steps[{at}].{wrong}")))
        })
    }

    fn check_step(&self, at: usize, step: &Step) -> Result<(), String> {
        for (field, word) in [
            ("name", Some(&step.name)),
            ("participant", Some(&step.participant)),
            ("action", Some(&step.action)),
            ("compensation", step.compensation.as_ref()),
        ] {
            word.map_or(Ok(()), |word| check_word(word))
                .map_err(|wrong| format!("{field}: {wrong}"))?;
        }
        if self.steps[..at].iter().any(|before| before.name == step.name) {
            return Err(format!("name: {:?} comes twice", step.name));
        }
        within("timeout_ms", step.timeout_ms, 10, 600_000)?;
        within("retry.tries", step.retry.tries, 1, 10_000)?;
        within("retry.first_ms", step.retry.first_ms, 1, 3_600_000)?;
        within("retry.most_ms", step.retry.most_ms, step.retry.first_ms, 3_600_000)?;
        if step.of_engine() { self.check_engine(at, step) } else { Ok(()) }
    }

    fn check_engine(&self, at: usize, step: &Step) -> Result<(), String> {
        let held = self.steps[..at].iter().any(|s| s.of_engine() && s.action == "reserve");
        let last = at + 1 == self.steps.len();
        match (Engine::from_name(&step.action), step.compensation.as_deref()) {
            (Some(Engine::Reserve), Some("release")) if !held => Ok(()),
            (Some(Engine::Reserve), Some("release")) => {
                Err("action: a saga reserves once, all lines together".to_owned())
            }
            (Some(Engine::Reserve), _) => {
                Err("compensation: what undoes reserve is release".to_owned())
            }
            (Some(Engine::Confirm), Some(_)) => {
                Err("compensation: goods that were taken out cannot be put back; confirm has none"
                    .to_owned())
            }
            (Some(Engine::Confirm), None) if !held => {
                Err("action: nothing is reserved before this confirm".to_owned())
            }
            // Nothing that may yet be refused comes after it.
            (Some(Engine::Confirm), None) if !last => {
                Err("action: confirm is the last step, for nothing undoes it".to_owned())
            }
            (Some(Engine::Confirm), None) => Ok(()),
            (Some(Engine::Release) | None, _) => {
                Err(format!("action: the engine knows reserve and confirm, not {:?}", step.action))
            }
        }
    }
}

/// Names stand in addresses and headers: small letters, digits, hyphens and underscores.
fn check_word(word: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    if (1..=NAME_MAX).contains(&word.len()) && word.chars().all(allowed) {
        return Ok(());
    }
    let shown: String = word.chars().filter(|c| !c.is_control()).take(NAME_MAX).collect();
    Err(format!("{shown:?} must have 1 to {NAME_MAX} of a-z, 0-9, - and _"))
}

/// The name of a saga, or of a participant.
pub fn check_name(what: &str, name: &str) -> Result<(), Refusal> {
    check_word(name).map_err(|wrong| Refusal::invalid(format!("{what}: {wrong}")))
}

fn within(field: &str, value: u32, least: u32, most: u32) -> Result<(), String> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(format!("{field}: {least} to {most}, got {value}"))
}
