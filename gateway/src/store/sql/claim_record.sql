-- Held by the session, not the transaction; the one-key form, which nobody else here uses.
SELECT pg_catalog.pg_try_advisory_lock($1) AS claimed
