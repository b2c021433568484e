//! SSH servers of other makers than OpenSSH, and newer ones: each ends channels and renews keys in its own
//! way, and none may cost a byte or a session.

mod both_ways;
mod endings;
mod hop;
mod refusals;
mod rekeys;
mod requests;
