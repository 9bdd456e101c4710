//! Rules of stock.
