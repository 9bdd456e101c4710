//! The inventory engine inside PostgreSQL.
//!
//! `api` decodes the arguments of each SQL function and encodes its answer; `engine` is the one
//! way to change stock: lock, decide (in `inventory_core`), write; `group_commit` lets calls meet and commits them together;
//! `session` keeps what a session has looked up, `plans` its statements; `upkeep` is the work that `worker` does in the background;
//! `pg` holds everything that speaks to PostgreSQL's C side.

mod api;
mod engine;
mod group_commit;
mod pg;
mod plans;
mod session;
mod settings;
mod upkeep;
mod worker;

::pgrx::pg_module_magic!(name, version);

/// Called when the library is loaded into a session.
#[pgrx::pg_guard]
pub extern "C-unwind" fn _PG_init() {
    pg::server::keep_backtraces_out_of_errors();
    pg::watch::register();
    settings::define();
    worker::register();
}
