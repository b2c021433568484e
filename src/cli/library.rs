//! The entries of `passerelle.dll`, which the two programs of the Windows package share. Each of these is a
//! few lines of C (`wix/program.c`), so the package holds everything else once.

#![expect(
    unsafe_code,
    reason = "a name that C knows has to be the only one of its kind, which nobody checks"
)]

use std::env;

/// The console program. Gives the process its exit code.
#[unsafe(no_mangle)]
extern "C" fn passerelle_console() -> i32 {
    super::main(env::args_os()) as i32
}

/// The tray program. Gives the process its exit code.
#[unsafe(no_mangle)]
extern "C" fn passerelle_tray() -> i32 {
    super::tray(env::args_os()) as i32
}
