//! The Windows package and the tray program, in a Wine prefix of their own. `scripts/test-windows` runs it:
//! it takes the packages of this version and of the next one.

#![cfg(target_os = "linux")]
#![expect(
    clippy::expect_used,
    reason = "a test that panics has failed, as it should"
)]

#[path = "../common/mod.rs"]
#[expect(
    dead_code,
    unused_imports,
    reason = "the lab is furnished for the tests of the system"
)]
mod common;
mod desktop;
mod machine;
mod package;
mod tray;
