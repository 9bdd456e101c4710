-- Run once, on a new database: the extension, and two logins with the least that gateway and relay need.
-- Later versions are brought in by `inventory init`, which docker/compose/setup.sh runs at each start.
\set ON_ERROR_STOP on
\getenv gateway_password GATEWAY_PASSWORD
\getenv admin_password ADMIN_PASSWORD
-- No log shows a password.
SET log_statement = none;
SET log_min_error_statement = panic;
CREATE EXTENSION pg_inventory;
SELECT inventory.install();
CREATE ROLE inventory_gateway LOGIN PASSWORD :'gateway_password' IN ROLE inventory_operator;
CREATE ROLE inventory_administrator LOGIN PASSWORD :'admin_password' IN ROLE inventory_admin;
