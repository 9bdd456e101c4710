//! The only module that speaks to PostgreSQL's C side, and the only one with `unsafe`.
//!
//! Expected refusals travel as values and leave through [`call`]; everything PostgreSQL raises
//! (serialization failure, cancel, disk full) unwinds through Rust and passes on unchanged.

pub mod call;
pub mod copy;
pub mod exchange;
pub mod failure;
pub mod guc;
pub mod heat;
pub mod lock;
pub mod process;
pub mod region;
pub mod server;
pub mod shared;
pub mod spi;
pub mod watch;
