//! Passerelle holds one persistent SSH session per tunnel, forwards local ports through it, and
//! opens Grafana in the browser when the whole way to it is healthy.
//!
//! Inputs go into one queue, one value comes out:
//!
//! ```text
//!  command line ► IPC ─┐                       ┌─ Action ─► engine tasks (dial, hang up, probe)
//!  configuration ──────┼─► mpsc<Input> ─► Supervisor                │
//!  session events ─────┤                       └─► watch<Arc<Snapshot>> ─► IPC, terminal
//!        ▲             │                                            │
//!        └─────────────┴────────────────────────────────────────────┘
//! ```
//!
//! [`supervisor`] decides and is pure; [`engine`] acts; [`model`] holds the nouns they share.
//! `docs/architecture.md` is the floor plan, `tests/layering.rs` holds who may import whom.

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod demo;
pub mod desktop;
pub mod engine;
pub mod files;
pub mod hostkey;
pub mod i18n;
pub mod ipc;
pub mod logging;
pub mod model;
pub mod paths;
pub mod platform;
pub mod secrets;
pub mod supervisor;
#[cfg(feature = "icon")]
pub mod ui;
pub mod ui_messages;
