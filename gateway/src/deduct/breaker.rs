//! The breaker: whether the database is asked at all. A pure function of what happened and when.
//!
//! ```text
//!             half of the calls failed               its time is over
//!   closed ──────────────────────────────► open ─────────────────────────► half open
//!      ▲                                     ▲    one failed, or none came back   │
//!      │                                     └────────────────────────────────────┤
//!      └───────────────────────── all probes came back ───────────────────────────┘
//! ```
//!
//! Only what says that the database is away or broken is a failure; a refusal is an answer.

use crate::error::Error;
use std::time::{Duration, Instant};

#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How far back calls count.
    pub window: Duration,
    /// It does not open for fewer calls than that.
    pub calls_min: u32,
    /// Of a hundred calls, so many failures open it.
    pub failures_percent: u32,
    /// How long nobody asks.
    pub open_for: Duration,
    /// Calls that try whether it is well again.
    pub probes: u32,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            window: Duration::from_secs(10),
            calls_min: 10,
            failures_percent: 50,
            open_for: Duration::from_secs(60),
            probes: 10,
        }
    }
}

/// As the metric shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Closed = 0,
    HalfOpen = 1,
    Open = 2,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Accepted or refused: the database is there.
    Answered,
    /// The connection broke, or the server is at fault.
    Failed,
}

impl Outcome {
    pub fn of(error: &Error) -> Outcome {
        match error {
            Error::Unreachable { .. } => Outcome::Failed,
            // Out of resources, shut down or damaged. What others did at that moment (40, 55), a cancel
            // (57014) and what the call itself did wrong is no fault of the server.
            Error::Database { sqlstate, .. }
                if ["53", "58", "XX"].iter().any(|class| sqlstate.starts_with(class))
                    || sqlstate.starts_with("57P") =>
            {
                Outcome::Failed
            }
            _ => Outcome::Answered,
        }
    }
}

/// Leave to make one call; its end is to be told with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    /// Calls from before a change of state say nothing about the time after.
    term: u64,
}

/// Nobody is to ask for that long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    pub retry_after: Duration,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Closed,
    Open { until: Instant },
    HalfOpen { let_in: u32, came_back: u32, until: Instant },
}

pub struct Breaker {
    settings: Settings,
    phase: Phase,
    term: u64,
    window: Window,
}

impl Breaker {
    pub fn new(settings: Settings, now: Instant) -> Breaker {
        let window = Window::new(settings.window, now);
        Breaker { settings, phase: Phase::Closed, term: 0, window }
    }

    pub fn state(&self) -> State {
        match self.phase {
            Phase::Closed => State::Closed,
            Phase::Open { .. } => State::Open,
            Phase::HalfOpen { .. } => State::HalfOpen,
        }
    }

    /// Whether a call may be made now.
    pub fn ask(&mut self, now: Instant) -> Result<Pass, Refused> {
        match self.phase {
            Phase::Closed => {}
            Phase::Open { until } if now < until => {
                return Err(Refused { retry_after: until - now });
            }
            Phase::Open { .. } => self.probe(now),
            Phase::HalfOpen { let_in, until, .. } if let_in >= self.settings.probes => {
                if now < until {
                    return Err(Refused { retry_after: until - now });
                }
                // The probes were never heard of again: nobody waits for them for ever.
                self.probe(now);
            }
            Phase::HalfOpen { .. } => {}
        }
        if let Phase::HalfOpen { let_in, .. } = &mut self.phase {
            *let_in += 1;
        }
        Ok(Pass { term: self.term })
    }

    /// How the call of a pass ended.
    pub fn tell(&mut self, pass: Pass, outcome: Outcome, now: Instant) {
        if pass.term != self.term {
            return;
        }
        match &mut self.phase {
            Phase::Closed => {
                self.window.count(outcome, now);
                let Tally { calls, failures } = self.window.tally();
                let enough = calls >= u64::from(self.settings.calls_min.max(1));
                if enough && failures * 100 >= calls * u64::from(self.settings.failures_percent) {
                    self.open(now);
                }
            }
            Phase::HalfOpen { .. } if outcome == Outcome::Failed => self.open(now),
            Phase::HalfOpen { came_back, .. } => {
                *came_back += 1;
                if *came_back >= self.settings.probes {
                    self.enter(Phase::Closed);
                    self.window = Window::new(self.settings.window, now);
                }
            }
            Phase::Open { .. } => {}
        }
    }

    fn open(&mut self, now: Instant) {
        self.enter(Phase::Open { until: now + self.settings.open_for });
    }

    fn probe(&mut self, now: Instant) {
        let until = now + self.settings.open_for;
        self.enter(Phase::HalfOpen { let_in: 0, came_back: 0, until });
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.term += 1;
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    calls: u64,
    failures: u64,
}

/// Parts of the window: it slides by one of them.
const PARTS: usize = 10;

/// Calls of the last while.
struct Window {
    parts: [Tally; PARTS],
    each: Duration,
    /// Where the newest part begins, and which it is.
    begun: Instant,
    newest: usize,
}

impl Window {
    fn new(span: Duration, now: Instant) -> Window {
        let each = (span / PARTS as u32).max(Duration::from_millis(1));
        Window { parts: [Tally::default(); PARTS], each, begun: now, newest: 0 }
    }

    fn count(&mut self, outcome: Outcome, now: Instant) {
        self.slide(now);
        let part = &mut self.parts[self.newest];
        part.calls += 1;
        part.failures += u64::from(outcome == Outcome::Failed);
    }

    fn slide(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.begun).as_nanos() / self.each.as_nanos();
        let steps = usize::try_from(passed).unwrap_or(usize::MAX);
        if steps >= PARTS {
            *self = Window::new(self.each * PARTS as u32, now);
            return;
        }
        for _ in 0..steps {
            self.newest = (self.newest + 1) % PARTS;
            self.parts[self.newest] = Tally::default();
            self.begun += self.each;
        }
    }

    fn tally(&self) -> Tally {
        self.parts.iter().fold(Tally::default(), |sum, part| Tally {
            calls: sum.calls + part.calls,
            failures: sum.failures + part.failures,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn breaker() -> (Breaker, Instant) {
        let now = Instant::now();
        (Breaker::new(Settings::default(), now), now)
    }

    /// Calls that end at once.
    fn calls(breaker: &mut Breaker, outcome: Outcome, count: usize, now: Instant) {
        for _ in 0..count {
            let pass = breaker.ask(now).unwrap();
            breaker.tell(pass, outcome, now);
        }
    }

    #[test]
    fn half_of_the_calls_open_it() {
        let (mut b, now) = breaker();
        calls(&mut b, Outcome::Answered, 6, now);
        calls(&mut b, Outcome::Failed, 5, now);
        assert_eq!(b.state(), State::Closed);
        calls(&mut b, Outcome::Failed, 1, now);
        assert_eq!(b.state(), State::Open);
        assert_eq!(b.ask(now + 20 * SECOND), Err(Refused { retry_after: 40 * SECOND }));
    }

    #[test]
    fn few_calls_prove_nothing() {
        let (mut b, now) = breaker();
        calls(&mut b, Outcome::Failed, 9, now);
        assert_eq!(b.state(), State::Closed);
        calls(&mut b, Outcome::Failed, 1, now);
        assert_eq!(b.state(), State::Open);
    }

    #[test]
    fn what_is_long_past_does_not_count() {
        let (mut b, now) = breaker();
        calls(&mut b, Outcome::Failed, 9, now);
        calls(&mut b, Outcome::Failed, 9, now + 11 * SECOND);
        assert_eq!(b.state(), State::Closed);
        calls(&mut b, Outcome::Failed, 1, now + 12 * SECOND);
        assert_eq!(b.state(), State::Open);
    }

    #[test]
    fn ten_probes_close_it_and_one_failure_opens_it_again() {
        let (mut b, now) = breaker();
        calls(&mut b, Outcome::Failed, 10, now);
        let later = now + 60 * SECOND;
        let passes: Vec<Pass> = (0..10).map(|_| b.ask(later).unwrap()).collect();
        assert_eq!(b.state(), State::HalfOpen);
        assert_eq!(b.ask(later), Err(Refused { retry_after: 60 * SECOND }));
        for pass in &passes[..9] {
            b.tell(*pass, Outcome::Answered, later);
        }
        assert_eq!(b.state(), State::HalfOpen);
        b.tell(passes[9], Outcome::Failed, later);
        assert_eq!(b.state(), State::Open);
        let again = later + 60 * SECOND;
        calls(&mut b, Outcome::Answered, 10, again);
        assert_eq!(b.state(), State::Closed);
        // What failed before it opened is forgotten.
        calls(&mut b, Outcome::Failed, 4, again);
        calls(&mut b, Outcome::Answered, 5, again);
        assert_eq!(b.state(), State::Closed);
    }

    #[test]
    fn calls_from_before_say_nothing_about_after() {
        let (mut b, now) = breaker();
        let old: Vec<Pass> = (0..10).map(|_| b.ask(now).unwrap()).collect();
        calls(&mut b, Outcome::Failed, 10, now);
        let later = now + 61 * SECOND;
        b.ask(later).unwrap();
        old.iter().for_each(|pass| b.tell(*pass, Outcome::Failed, later));
        assert_eq!(b.state(), State::HalfOpen);
    }

    #[test]
    fn probes_that_never_return_are_not_waited_for() {
        let (mut b, now) = breaker();
        calls(&mut b, Outcome::Failed, 10, now);
        let later = now + 60 * SECOND;
        (0..10).for_each(|_| assert!(b.ask(later).is_ok()));
        assert!(b.ask(later + 59 * SECOND).is_err());
        calls(&mut b, Outcome::Answered, 10, later + 60 * SECOND);
        assert_eq!(b.state(), State::Closed);
    }

    #[test]
    fn only_faults_of_the_server_count() {
        let database = |sqlstate: &str| Error::Database {
            sqlstate: sqlstate.into(),
            message: String::new(),
            detail: None,
            hint: None,
        };
        for answered in ["40001", "40P01", "42501", "55P03", "57014", "22P02"] {
            assert_eq!(Outcome::of(&database(answered)), Outcome::Answered, "{answered}");
        }
        for failed in ["53300", "53100", "57P01", "57P03", "58030", "XX000"] {
            assert_eq!(Outcome::of(&database(failed)), Outcome::Failed, "{failed}");
        }
        let away = Error::Unreachable { target: "x".into(), cause: "y".into() };
        assert_eq!(Outcome::of(&away), Outcome::Failed);
        assert_eq!(Outcome::of(&Error::usage("no")), Outcome::Answered);
    }

    proptest! {
        /// Whatever happens: it refuses only with a time to come back, lets in only so many probes, and
        /// is closed in the end when all goes well for long enough.
        #[test]
        fn it_always_recovers(steps in prop::collection::vec((0u64..30_000, any::<bool>(), any::<bool>()), 0..200)) {
            let (mut b, mut now) = breaker();
            let mut under_way = Vec::new();
            for (millis, failed, told) in steps {
                now += Duration::from_millis(millis);
                match b.ask(now) {
                    Ok(pass) => under_way.push(pass),
                    Err(refused) => {
                        prop_assert!(b.state() != State::Closed);
                        prop_assert!(refused.retry_after <= 60 * SECOND);
                    }
                }
                if told && let Some(pass) = under_way.pop() {
                    let outcome = if failed { Outcome::Failed } else { Outcome::Answered };
                    b.tell(pass, outcome, now);
                }
            }
            for _ in 0..3 {
                now += 61 * SECOND;
                for _ in 0..10 {
                    if let Ok(pass) = b.ask(now) {
                        b.tell(pass, Outcome::Answered, now);
                    }
                }
            }
            prop_assert_eq!(b.state(), State::Closed);
        }
    }
}
