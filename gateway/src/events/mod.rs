//! What happens to stock, told to whoever listens: one reader of the journal a gateway, and followers
//! who each go at their own pace.
//!
//! `topic` names the events and filters them · `event` writes one as it is told · `reader` looks into
//! the journal for all who are there · `followers` hands out what it found, without waiting for
//! anybody · `follow` is one follower's way: alone through what it has missed, then with the others ·
//! `seats` limits how many there are.

mod event;
mod follow;
mod followers;
mod reader;
mod seats;
mod topic;

pub use event::{Batch, Entry, Event};
pub use follow::{Bus, Follower, From};
pub use reader::Reader;
pub use seats::{NoSeat, Seat, Seats};
pub use topic::{Filter, Topic};

/// Events that one look asks for.
pub const LOOK: i32 = 500;
