//! Private clusters and clients for the outside tests.
