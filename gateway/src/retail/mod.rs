//! A retailer's invoice lines as a record of movements: CSV in, no SQL.
//!
//! Columns `Invoice, StockCode, Description, Quantity` must be there, `InvoiceDate` and
//! `Customer ID` may be; others are ignored. The file is plain or gzip, told by its first bytes.
//!
//! - The sign of a quantity decides where goods go. Positive lines leave: all those of one invoice
//!   are one order, all or nothing, placed where the last of them stands (655 invoices of the
//!   sample year are interleaved with others). That holds for every invoice: the three beginning
//!   with `A` (adjustments of a debt, booked on a stock code) are orders of one unit, and so is the
//!   one positive line on an invoice beginning with `C`. So every stock code ends at its opening
//!   minus the sum of its quantities.
//! - Negative lines of an invoice that begins with `C` are returns, line by line; those of any other
//!   invoice are write-offs, with the description as reason. A quantity of 0 moves nothing.
//! - Stock codes are kept letter by letter: case, inner and trailing blanks are part of them.
//! - Request ids are name-based UUIDs of the uncompressed content and the invoice (and line), so the
//!   same file, packed or not, replays as the same record.
//! - A return or write-off carries customer as operator and invoice as trace; `deduct_many` takes
//!   neither, so an order's reason names invoice, date and customer.
//!
//! Two passes: the first finds stock codes, where invoices end and the identity, and refuses a file
//! it cannot read as a whole before anything is written; the second streams movements.

mod identity;
mod movements;
mod rows;
mod survey;
mod text;

pub use identity::Identity;
pub use movements::Movements;
pub use survey::Survey;
