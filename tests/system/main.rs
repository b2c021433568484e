//! The whole program against real peers: OpenSSH's sshd, Prometheus, and a stand-in for Grafana.
//!
//! They need root, and the packages that `scripts/test` installs.

#![cfg(target_os = "linux")]
#![expect(
    clippy::expect_used,
    reason = "a test that panics has failed, as it should"
)]

#[expect(
    dead_code,
    unused_imports,
    reason = "the tests of the verbs come with the verbs"
)]
#[path = "../common/mod.rs"]
mod common;
mod lab;
