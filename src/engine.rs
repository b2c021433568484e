//! Drives the supervisor: feeds it inputs, runs its actions, publishes its snapshots.

mod admit;
pub mod ask;
pub mod auth;
pub mod client;
pub mod connect;
pub mod forward;
pub mod link;
mod listen;
pub mod local;
pub mod offer;
mod parting;
pub mod probe;
pub mod pump;
pub mod spool;
pub mod transport;
