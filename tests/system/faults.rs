//! The fault matrix: each fault is injected, and its promise is held to its bound. `docs/faults.md`
//! has the table.

mod away;
mod bound;
mod crowd;
mod files;
mod keyring;
mod names;
mod network;
mod rogue;
mod silence;
mod sleep;
mod state;
mod strangers;
mod targets;
mod wire;
