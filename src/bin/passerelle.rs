//! The console program: one verb, one exit code.

use passerelle::cli::{self, Exit};

fn main() -> Exit {
    cli::main(std::env::args_os())
}
