use super::*;
use proptest::prelude::*;
use std::collections::HashSet;

/// Participants as they are asked to be: an action has one effect, a compensation undoes it, and an
/// action that comes after its compensation has none.
#[derive(Default)]
struct World {
    applied: HashSet<usize>,
    void: HashSet<usize>,
    /// Calls that are still on their way.
    late: Vec<usize>,
    undone: Vec<usize>,
}

impl World {
    fn act(&mut self, step: usize) -> Outcome {
        if self.void.contains(&step) {
            return Outcome::Refused;
        }
        self.applied.insert(step);
        Outcome::Done
    }

    fn undo(&mut self, step: usize) -> Outcome {
        self.void.insert(step);
        if self.applied.remove(&step) {
            self.undone.push(step);
        }
        Outcome::Done
    }

    fn call(&mut self, call: Call) -> Outcome {
        match call.direction {
            Direction::Action => self.act(call.step),
            Direction::Compensation => self.undo(call.step),
        }
    }

    fn arrive(&mut self) {
        for step in std::mem::take(&mut self.late) {
            self.act(step);
        }
    }

    /// What the saga hears of one call; nothing where whoever made it is killed meanwhile.
    fn answer(&mut self, call: Call, fate: Fate) -> Option<Outcome> {
        match fate {
            Fate::Done => Some(self.call(call)),
            // A refusal is for good: the participant would refuse the late one too, but for one that a
            // participant decides beside it.
            Fate::Refused => Some(match self.applied.contains(&call.step) {
                true => self.call(call),
                false => Outcome::Refused,
            }),
            Fate::Working => Some(Outcome::Working),
            Fate::Lost => Some(Outcome::Unknown),
            Fate::DoneUnheard => {
                self.call(call);
                Some(Outcome::Unknown)
            }
            Fate::Late => {
                if call.direction == Direction::Action {
                    self.late.push(call.step);
                }
                Some(Outcome::Unknown)
            }
            Fate::Killed => None,
            Fate::KilledDone => {
                self.call(call);
                None
            }
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Fate {
    Done,
    Refused,
    Working,
    Lost,
    DoneUnheard,
    Late,
    Killed,
    KilledDone,
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        6 => Just(Fate::Done),
        1 => Just(Fate::Refused),
        1 => Just(Fate::Working),
        1 => Just(Fate::Lost),
        1 => Just(Fate::DoneUnheard),
        1 => Just(Fate::Late),
        1 => Just(Fate::Killed),
        1 => Just(Fate::KilledDone),
    ]
}

fn retry(then: bool) -> Retry {
    let then = if then { Then::Revert } else { Then::Attention };
    Retry { tries: 3, then, ..Retry::default() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn whatever_happens_all_of_it_stays_or_none(
        steps in 1_usize..6,
        fates in prop::collection::vec((fate(), any::<bool>(), any::<bool>()), 0..60),
        then in any::<bool>(),
    ) {
        let (mut saga, mut world) = (Progress::new(steps), World::default());
        let mut fates = fates.into_iter();
        let mut backwards = false;
        for _ in 0..500 {
            let Next::Ask(call) = saga.next() else { break };
            // Once it goes back it never goes forth again, and from the last step to the first.
            prop_assert!(!backwards || call.direction == Direction::Compensation);
            backwards |= call.direction == Direction::Compensation;
            let (fate, arrives, revert) = fates.next().unwrap_or((Fate::Done, true, false));
            saga.ask(call);
            if let Some(outcome) = world.answer(call, fate)
                && saga.tell(call, outcome, &retry(then), 0.5) == Told::NeedsAttention
            {
                saga.retry(revert);
            }
            if arrives {
                world.arrive();
            }
        }
        world.arrive();
        prop_assert!(world.undone.is_sorted_by(|a, b| a > b), "{:?}", world.undone);
        match saga.next() {
            Next::Completed => {
                prop_assert_eq!(world.applied.len(), steps);
                prop_assert!(world.undone.is_empty() && !backwards);
            }
            Next::Reverted => prop_assert!(world.applied.is_empty(), "{:?}", world.applied),
            Next::Ask(call) => prop_assert!(false, "it never ends: {call:?}"),
        }
    }

    /// What a coordinator finds after a crash is what was stored.
    #[test]
    fn an_answer_that_was_taken_in_stays(outcomes in prop::collection::vec(0_usize..4, 1..20)) {
        let mut saga = Progress::new(1);
        let call = Call { step: 0, direction: Direction::Action };
        saga.ask(call);
        let mut settled = None;
        for outcome in outcomes {
            saga.tell(call, Outcome::ALL[outcome], &Retry::default(), 0.0);
            let state = saga.mark(call).map(|mark| mark.state);
            if let Some(settled) = settled {
                prop_assert_eq!(state, Some(settled));
            }
            settled = state.filter(|state| *state != CallState::Calling);
        }
    }
}

fn told(saga: &mut Progress, step: usize, direction: Direction, outcome: Outcome) -> Told {
    let call = Call { step, direction };
    saga.ask(call);
    saga.tell(call, outcome, &retry(false), 0.0)
}

#[test]
fn a_refusal_goes_back_in_reverse_order() {
    use Direction::{Action, Compensation};
    let mut saga = Progress::new(3);
    told(&mut saga, 0, Action, Outcome::Done);
    told(&mut saga, 1, Action, Outcome::Done);
    told(&mut saga, 2, Action, Outcome::Refused);
    let undo = |step| Next::Ask(Call { step, direction: Compensation });
    assert_eq!(saga.next(), undo(1));
    told(&mut saga, 1, Compensation, Outcome::Done);
    assert_eq!(saga.next(), undo(0));
    told(&mut saga, 0, Compensation, Outcome::Done);
    assert_eq!(saga.next(), Next::Reverted);
}

#[test]
fn one_that_was_refused_when_asked_again_is_undone_too() {
    let mut saga = Progress::new(1);
    told(&mut saga, 0, Direction::Action, Outcome::Unknown);
    told(&mut saga, 0, Direction::Action, Outcome::Refused);
    assert_eq!(saga.next(), Next::Ask(Call { step: 0, direction: Direction::Compensation }));
}

#[test]
fn too_many_tries_call_somebody_who_may_try_again_or_go_back() {
    let mut saga = Progress::new(2);
    for _ in 0..2 {
        let told = told(&mut saga, 0, Direction::Action, Outcome::Unknown);
        assert!(matches!(told, Told::Pause(_)));
    }
    assert_eq!(told(&mut saga, 0, Direction::Action, Outcome::Working), Told::NeedsAttention);
    let mut back = saga.clone();
    saga.retry(false);
    assert!(matches!(told(&mut saga, 0, Direction::Action, Outcome::Unknown), Told::Pause(_)));
    back.retry(true);
    assert_eq!(back.next(), Next::Ask(Call { step: 0, direction: Direction::Compensation }));
}

#[test]
fn pauses_double_and_stay_within_their_limit() {
    let retry = Retry { first_ms: 100, most_ms: 1_000, ..Retry::default() };
    assert_eq!(retry.pause(1, 0.0), 50_000);
    assert_eq!(retry.pause(1, 1.0), 100_000);
    assert_eq!(retry.pause(2, 1.0), 200_000);
    assert_eq!(retry.pause(i32::MAX, 1.0), 1_000_000);
}

#[test]
fn what_cannot_end_well_is_refused_with_its_place() {
    type Change = fn(&mut Definition);
    let sound = Definition::outbound_order();
    assert!(sound.check().is_ok());
    let wrong = |change: Change| {
        let mut definition = sound.clone();
        change(&mut definition);
        definition.check().map(drop).unwrap_err().detail
    };
    let cases: [(Change, &str); 8] = [
        (|d| d.steps.clear(), "steps: 1 to 20"),
        (|d| d.steps[1].name = "reserve".into(), "steps[1].name: \"reserve\" comes twice"),
        (|d| d.steps[1].action = "../x".into(), "steps[1].action: \"../x\" must have"),
        (|d| d.steps[1].timeout_ms = 0, "steps[1].timeout_ms: 10 to 600000, got 0"),
        (|d| d.steps[1].retry.tries = 0, "steps[1].retry.tries: 1 to"),
        (|d| d.steps[0].compensation = None, "steps[0].compensation: what undoes reserve"),
        (|d| d.steps.swap(1, 2), "steps[1].action: confirm is the last step"),
        (|d| drop(d.steps.remove(0)), "steps[1].action: nothing is reserved"),
    ];
    for (change, begins) in cases {
        let detail = wrong(change);
        assert!(detail.starts_with(begins), "{detail}");
    }
}
