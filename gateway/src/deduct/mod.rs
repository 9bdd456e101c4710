//! When and with whom a command enters the engine: many requests meet in one statement. And what is
//! done where it cannot enter now.

mod aside;
pub mod batch;
pub mod breaker;
pub mod door;
pub mod fallback;
pub mod front;
pub mod hot;
pub mod known;
pub mod lease;
pub mod ledger;
pub mod repeats;
pub mod switch;
pub mod work;
pub mod zeros;
