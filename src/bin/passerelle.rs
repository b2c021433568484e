//! The console program: one verb, one exit code.

fn main() {}
