//! The fault matrix: each fault is injected, and its promise is held to its bound. `docs/faults.md`
//! has the table.

mod away;
mod network;
mod scene;
mod silence;
