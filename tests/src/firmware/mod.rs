//! What the firmware tests share: the tables, and values of every kind for the properties.

pub mod actions;
pub mod messages;
pub mod tables;
