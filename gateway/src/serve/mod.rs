//! The service: built from its settings, bound, run, and ended in order.

pub mod app;
mod bare;
mod checkup;
mod family;
mod house;
pub mod lifecycle;
pub mod listener;
pub mod logs;
pub mod metrics;
mod patience;
pub mod settings;

pub use lifecycle::run;
pub use settings::ServeSettings;
