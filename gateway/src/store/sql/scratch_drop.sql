DROP SCHEMA IF EXISTS inventory_demo_scratch CASCADE
