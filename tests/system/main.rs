//! The whole program against real peers: OpenSSH's sshd, Erlang's daemon, Prometheus, and a stand-in for
//! Grafana.
//!
//! They need root, and the packages that `scripts/test` installs.

#![cfg(target_os = "linux")]
#![expect(
    clippy::expect_used,
    reason = "a test that panics has failed, as it should"
)]

mod agent;
mod auth;
mod browser;
#[path = "../common/mod.rs"]
mod common;
mod cost;
mod demo;
mod dialog;
mod faults;
mod forward;
mod health;
mod hostkey;
mod instance;
mod lab;
mod login;
mod notify;
mod open;
mod pump;
mod questions;
mod reconnect;
mod reload;
mod secrets;
mod session;
mod terminal;
mod tray;
mod wear;
mod zoo;
