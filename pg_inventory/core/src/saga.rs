//! Sagas: orders of several steps, each undone by its compensation where a later one is refused.
//!
//! What a saga has done is in its marks alone: one a step and direction. Which call comes next, and
//! what an answer means, follows from them. A call is marked before it is made and what came of it
//! after, so whoever goes on with a saga, after any crash, knows what may have happened.

mod definition;

pub use definition::{Definition, ENGINE, Engine, Retry, Step, Then, check_name};

/// Forth, or back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    Action,
    Compensation,
}

impl Direction {
    pub const ALL: [Direction; 2] = [Direction::Action, Direction::Compensation];

    pub fn as_str(self) -> &'static str {
        match self {
            Direction::Action => "action",
            Direction::Compensation => "compensation",
        }
    }

    pub fn from_name(name: &str) -> Option<Direction> {
        Direction::ALL.into_iter().find(|direction| direction.as_str() == name)
    }
}

/// How a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallState {
    /// It was asked for, and whether it is done is not known.
    Calling,
    Done,
    /// The participant will never do it.
    Refused,
    /// Nobody waits for it any more: whatever comes of it is undone.
    Void,
}

impl CallState {
    pub const ALL: [CallState; 4] =
        [CallState::Calling, CallState::Done, CallState::Refused, CallState::Void];

    pub fn as_str(self) -> &'static str {
        match self {
            CallState::Calling => "CALLING",
            CallState::Done => "DONE",
            CallState::Refused => "REFUSED",
            CallState::Void => "VOID",
        }
    }

    pub fn from_name(name: &str) -> Option<CallState> {
        CallState::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// What is known of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    pub state: CallState,
    /// How often it was asked for, ever.
    pub asked: i32,
    /// How often since it began, or since somebody had it tried again.
    pub tries: i32,
}

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// The participant will never do it.
    Refused,
    /// The participant is at it.
    Working,
    /// No answer, or none that says it.
    Unknown,
}

impl Outcome {
    const ALL: [Outcome; 4] = [Outcome::Done, Outcome::Refused, Outcome::Working, Outcome::Unknown];

    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Done => "done",
            Outcome::Refused => "refused",
            Outcome::Working => "working",
            Outcome::Unknown => "unknown",
        }
    }

    pub fn from_name(name: &str) -> Option<Outcome> {
        Outcome::ALL.into_iter().find(|outcome| outcome.as_str() == name)
    }
}

/// A step's call; steps count from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    pub step: usize,
    pub direction: Direction,
}

/// What a saga does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Mark this call, then make it.
    Ask(Call),
    /// Every action is done, and stays.
    Completed,
    /// Whatever was done is undone.
    Reverted,
}

/// What is to be done about an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    GoOn,
    /// Ask again after so many microseconds.
    Pause(i64),
    /// Somebody has to look at it.
    NeedsAttention,
}

/// The marks of a saga, by step: its action's and its compensation's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    marks: Vec<[Option<Mark>; 2]>,
}

impl Progress {
    /// Of a saga that has done nothing.
    pub fn new(steps: usize) -> Progress {
        Progress { marks: vec![[None; 2]; steps] }
    }

    /// As it was stored; a mark beyond the steps is none.
    pub fn put(&mut self, call: Call, mark: Mark) {
        if let Some(marks) = self.marks.get_mut(call.step) {
            marks[call.direction as usize] = Some(mark);
        }
    }

    pub fn mark(&self, call: Call) -> Option<Mark> {
        self.marks.get(call.step)?[call.direction as usize]
    }

    fn state(&self, step: usize, direction: Direction) -> Option<CallState> {
        self.mark(Call { step, direction }).map(|mark| mark.state)
    }

    /// Whether it goes back: from the moment that one action will not be done.
    pub fn reverting(&self) -> bool {
        (0..self.marks.len()).any(|step| {
            matches!(
                self.state(step, Direction::Action),
                Some(CallState::Refused | CallState::Void)
            )
        })
    }

    pub fn next(&self) -> Next {
        let steps = 0..self.marks.len();
        if self.reverting() {
            let open = |step: &usize| self.to_undo(*step) && !self.undone(*step);
            let last = steps.rev().find(open);
            return last.map_or(Next::Reverted, |step| {
                Next::Ask(Call { step, direction: Direction::Compensation })
            });
        }
        let open = |step: &usize| self.state(*step, Direction::Action) != Some(CallState::Done);
        steps
            .into_iter()
            .find(open)
            .map_or(Next::Completed, |step| Next::Ask(Call { step, direction: Direction::Action }))
    }

    /// Whether a step may have had an effect: it was done, or an answer never came. One that was refused
    /// when it was asked again may be done by the asking before, which is still under way.
    fn to_undo(&self, step: usize) -> bool {
        let action = self.mark(Call { step, direction: Direction::Action });
        action.is_some_and(|mark| match mark.state {
            CallState::Done | CallState::Void => true,
            CallState::Refused => mark.asked > 1,
            CallState::Calling => false,
        })
    }

    fn undone(&self, step: usize) -> bool {
        self.state(step, Direction::Compensation) == Some(CallState::Done)
    }

    /// Marks a call that is about to be made; gives the mark to store.
    pub fn ask(&mut self, call: Call) -> Mark {
        let before = self.mark(call).map_or((0, 0), |mark| (mark.asked, mark.tries));
        let mark = Mark {
            state: CallState::Calling,
            asked: before.0.saturating_add(1),
            tries: before.1.saturating_add(1),
        };
        self.put(call, mark);
        mark
    }

    /// Takes in what came of a call that was asked for. `chance` is 0 to 1, so that those who failed
    /// together do not come again together.
    pub fn tell(&mut self, call: Call, outcome: Outcome, retry: &Retry, chance: f64) -> Told {
        let Some(mark) = self.mark(call).filter(|mark| mark.state == CallState::Calling) else {
            // An answer that comes late finds the matter settled.
            return Told::GoOn;
        };
        let settle = |state| Mark { state, ..mark };
        match (outcome, call.direction) {
            (Outcome::Done, _) => self.put(call, settle(CallState::Done)),
            (Outcome::Refused, Direction::Action) => self.put(call, settle(CallState::Refused)),
            // What was done must be undone; that somebody will not is for people.
            (Outcome::Refused, Direction::Compensation) => return Told::NeedsAttention,
            (Outcome::Working | Outcome::Unknown, direction) => {
                if i64::from(mark.tries) < i64::from(retry.tries) {
                    return Told::Pause(retry.pause(mark.tries, chance));
                }
                if retry.then == Then::Attention || direction == Direction::Compensation {
                    return Told::NeedsAttention;
                }
                self.put(call, settle(CallState::Void));
            }
        }
        Told::GoOn
    }

    /// For a saga that needs attention: its open call is tried again from the beginning, or with
    /// `revert` an open action is given up and everything undone. Gives the marks to store.
    pub fn retry(&mut self, revert: bool) -> Vec<(Call, Mark)> {
        let mut changed = Vec::new();
        for step in 0..self.marks.len() {
            for direction in Direction::ALL {
                let call = Call { step, direction };
                let Some(mark) = self.mark(call).filter(|m| m.state == CallState::Calling) else {
                    continue;
                };
                let void = revert && direction == Direction::Action;
                let state = if void { CallState::Void } else { CallState::Calling };
                let mark = Mark { state, tries: 0, ..mark };
                self.put(call, mark);
                changed.push((call, mark));
            }
        }
        changed
    }
}

#[cfg(test)]
mod tests;
