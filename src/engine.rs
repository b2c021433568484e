//! Drives the supervisor: feeds it inputs, runs its actions, publishes its snapshots.

pub mod client;
pub mod connect;
pub mod link;
pub mod offer;
pub mod transport;
