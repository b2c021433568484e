//! The configuration: found, read, checked, watched. TOML in, [`crate::model::Settings`] out.
