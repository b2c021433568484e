//! Options of a measurement: `--name NUMBER`.

/// The number behind this name on the command line.
pub(crate) fn option(name: &str, default: u64) -> u64 {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    let value = arguments.nth(1).map(|value| value.parse());
    value.transpose().expect("a number").unwrap_or(default)
}
