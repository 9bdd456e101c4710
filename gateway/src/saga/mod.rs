//! Orders of several steps, carried to their end: `definitions` reads what they are made of,
//! `participants` asks the services that take part, `coordinator` takes up what is due and goes on with
//! it. Which call comes next, and what an answer means, the database decides (`inventory_core::saga`).

mod coordinator;
mod definitions;
mod participants;

pub use coordinator::Coordinator;
pub use definitions::{Participant, Sagas};
