//! Drives the supervisor: feeds it inputs, runs its actions, publishes its snapshots.

pub mod client;
pub mod connect;
pub mod forward;
pub mod link;
pub mod offer;
pub mod probe;
pub mod spool;
pub mod transport;
