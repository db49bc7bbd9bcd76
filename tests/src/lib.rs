//! What the workspace claims, held against the tables and recordings of the real driver.

pub mod conformance;
pub mod counting;
pub mod firmware;
pub mod fuzzing;
pub mod golden;
pub mod models;
pub mod recordings;

/// The examples of the README are compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
