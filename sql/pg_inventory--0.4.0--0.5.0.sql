-- What 0.5.0 adds to 0.4.0: events and sagas. Run inventory.install() afterwards: it brings the
-- tables to the layout that the library works with.
\echo Use "ALTER EXTENSION pg_inventory UPDATE" to load this file. \quit

-- Sinks and what they are told ---------------------------------------------------------------------

-- Sagas ------------------------------------------------------------------------------------------
