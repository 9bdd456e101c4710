//! Inventory engine inside PostgreSQL.
::pgrx::pg_module_magic!(name, version);
