//! From a model to what a device is sent, and running it.
//!
//! A [`Plan`] says, for one group of a [model file](crate::hef), everything that has to be sent to a driver and to a
//! firmware to configure it: buffers, descriptor lists and their programming in order, the network group header and the
//! action lists of its contexts. Making one needs no device, only [facts](DeviceFacts) about it; the addresses that a
//! driver gives to lists are put into the action lists [afterwards](ContextPlan::encode). The numbers are those of the
//! vendor's library 4.23.0, byte for byte.

mod buffers;
mod cache;
mod channels;
mod configuration;
mod contexts;
mod lists;
mod options;
mod plan;
mod planner;
mod registers;
mod work;

pub use options::{DeviceFacts, Options, PowerMode};
pub use plan::{Boundary, Buffer, BufferId, ContextPlan, ListId, Plan, Planned, Program, Step};
pub use planner::Outline;
