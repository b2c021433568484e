//! The tray program. Until it has an icon, it holds the tunnels without showing anything.

#![cfg_attr(windows, windows_subsystem = "windows")]

use passerelle::cli::{self, Exit};

fn main() -> Exit {
    cli::tray(std::env::args_os())
}
