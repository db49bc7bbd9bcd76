//! What the workspace claims, held against the tables.
