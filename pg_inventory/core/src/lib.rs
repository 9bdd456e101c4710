//! The rules of stock: what a command may do to the rows it touches, and what is refused.
//!
//! No PostgreSQL, HTTP or Redis in sight. Everything that decides about stock is here; every
//! other crate moves data to these functions and their answers away again.
#![forbid(unsafe_code)]

pub mod alert;
pub mod book;
pub mod command;
pub mod cursor;
pub mod decision;
pub mod event;
pub mod fefo;
pub mod fingerprint;
pub mod heat;
pub mod hold;
pub mod lease;
pub mod order;
pub mod order_number;
pub mod refusal;
pub mod saga;
pub mod sink;
pub mod text;
pub mod ticket;
pub mod time;

pub use refusal::{Code, Refusal};

/// The largest quantity one command may move, and the largest count a recount may set.
pub const QUANTITY_MAX: i64 = 1_000_000_000_000;

/// The most units one SKU may have in one warehouse. A thousand of the largest receipts; small
/// enough that the sum over 999 warehouses still fits an `i64`.
pub const ON_HAND_MAX: i64 = 1_000_000_000_000_000;

/// The most lines one call may carry.
pub const LINES_MAX: usize = 10_000;
