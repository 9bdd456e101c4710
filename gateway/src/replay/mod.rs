//! Replaying recorded movements: in their order, in large batches, and safely repeatable.
//!
//! The order that counts is the record's: which movements are accepted, and the levels after them,
//! are those of one movement after another. `schedule` puts many into one call only where that
//! cannot change any outcome. What is committed is therefore always what the record would have led
//! to, up to some place in it, and a replay that was killed goes on from there.
//!
//! A refusal leaves no trace in the database, so a second run must not decide it afresh: goods that
//! came back later would let it through. `history` finds the last place in the record that had an
//! effect; what stands before it was decided then and is not sent again.

mod history;
mod movement;
mod run;
mod schedule;
mod summary;

pub use history::{History, Place};
pub use movement::{Effect, Line, Movement, Opening, Product, Warehouse};
pub use run::{LINES_PER_CALL, Pace, Plan, Progress, open, replay};
pub use schedule::Window;
pub use summary::{RefusedItem, Summary};
