//! When a SKU is hot: so many want it that they queue for its row. With hysteresis, so that one that
//! lies near the line is not called hot and cold by turns.

use crate::time::Moment;

/// What was seen of a SKU for a while, a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heat {
    /// Commands that named it.
    pub commands: f64,
    /// Commands that had to wait for its row.
    pub waits: f64,
}

/// From when on a SKU is hot, a second; either suffices.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    pub commands: f64,
    pub waits: f64,
}

/// A SKU that is hot cools down while it stays below this part of the line,
const COOL: f64 = 0.5;
/// for that many microseconds.
const COOLING: i64 = 10 * 1_000_000;

/// What a SKU was found to be so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Cold,
    Hot,
    /// Below the line since then.
    Cooling(Moment),
}

/// What it is after it was seen at `now`.
pub fn next(state: State, heat: Heat, line: Line, now: Moment) -> State {
    let share = (heat.commands / line.commands).max(heat.waits / line.waits);
    match state {
        State::Cold if share < 1.0 => State::Cold,
        State::Cooling(since) if share < COOL && now >= since.plus(COOLING) => State::Cold,
        State::Cooling(since) if share < COOL => State::Cooling(since),
        State::Hot if share < COOL => State::Cooling(now),
        _ => State::Hot,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: Line = Line { commands: 100.0, waits: 10.0 };
    const START: Moment = Moment(0);

    fn heat(commands: f64, waits: f64) -> Heat {
        Heat { commands, waits }
    }

    #[test]
    fn either_line_makes_hot() {
        assert_eq!(next(State::Cold, heat(99.0, 9.0), LINE, START), State::Cold);
        assert_eq!(next(State::Cold, heat(100.0, 0.0), LINE, START), State::Hot);
        assert_eq!(next(State::Cold, heat(1.0, 10.0), LINE, START), State::Hot);
    }

    #[test]
    fn what_is_near_the_line_stays_what_it_is() {
        assert_eq!(next(State::Hot, heat(60.0, 0.0), LINE, START), State::Hot);
        assert_eq!(next(State::Cooling(START), heat(60.0, 0.0), LINE, START.plus(1)), State::Hot);
        assert_eq!(next(State::Cold, heat(60.0, 0.0), LINE, START), State::Cold);
    }

    #[test]
    fn it_cools_after_a_while_below_half() {
        let cooling = next(State::Hot, heat(49.0, 0.0), LINE, START);
        assert_eq!(cooling, State::Cooling(START));
        let soon = START.plus(COOLING - 1);
        assert_eq!(next(cooling, heat(0.0, 0.0), LINE, soon), cooling);
        assert_eq!(next(cooling, heat(0.0, 0.0), LINE, START.plus(COOLING)), State::Cold);
    }
}
