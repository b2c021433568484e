//! The tray program: holds the tunnels in the background, and shows an icon.

#![cfg_attr(windows, windows_subsystem = "windows")]

use passerelle::cli::{self, Exit};

fn main() -> Exit {
    cli::tray(std::env::args_os())
}
