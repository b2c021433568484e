//! Every sentence that a user reads, in French and in English, side by side.
pub mod demo;
