//! Collects what is wrong, while reading goes on.

use super::error::{Allowed, ConfigError, Problem};
use super::shape::Node;
use super::source::Source;
use std::ops::Range;

/// Takes the errors of one key, or of one table.
pub(super) struct Report<'r> {
    pub(super) source: &'r Source,
    pub(super) key: String,
    allowed: Option<Allowed>,
    errors: &'r mut Vec<ConfigError>,
}

impl<'r> Report<'r> {
    /// For a whole source.
    pub(super) fn on(source: &'r Source, errors: &'r mut Vec<ConfigError>) -> Self {
        Self {
            source,
            key: String::new(),
            allowed: None,
            errors,
        }
    }

    /// For a key or an item in what this is for.
    pub(super) fn inside(&mut self, key: String, allowed: Option<Allowed>) -> Report<'_> {
        Report {
            source: self.source,
            key,
            allowed,
            errors: self.errors,
        }
    }

    /// The value at `span` has the problem.
    pub(super) fn add(&mut self, span: Range<usize>, problem: Problem) {
        self.errors.push(ConfigError {
            file: self.source.name.clone(),
            position: self.source.position(&span),
            key: self.key.clone(),
            problem,
            allowed: self.allowed,
        });
    }

    /// The value is of a type that the key does not take.
    pub(super) fn wrong_type(&mut self, node: &Node<'_>) {
        let found = node.get_ref().type_str();
        self.add(node.span(), Problem::WrongType { found });
    }
}

/// The word that was probably meant.
pub(super) fn closest(
    written: &str,
    words: impl IntoIterator<Item = &'static str>,
) -> Option<&'static str> {
    const LEAST: f64 = 0.8;
    let written = written.to_lowercase();
    words
        .into_iter()
        .map(|word| (strsim::jaro_winkler(&written, word), word))
        .filter(|(likeness, _)| *likeness >= LEAST)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, word)| word)
}
