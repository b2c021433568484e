//! The configuration: found, read, checked, watched. TOML in, [`crate::model::Settings`] out.
//!
//! A key that the file leaves out has its default, and so has a whole file that is not there. A file
//! with errors yields all of them at once and nothing else: it is never taken over by halves.

mod error;
mod example;
mod keys;
mod mission;
mod origin;
mod outline;
mod policy;
mod reader;
mod report;
mod resolve;
mod shape;
mod source;
mod watch;

pub use error::{Allowed, ConfigError, ConfigErrors, Counted, Position, Problem};
pub use example::write_example;
pub use keys::{About, Absent, KEYS, Section, keys_of};
pub use mission::default_settings;
pub use origin::{KeyOrigin, Origin, Origins};
pub use watch::{WatchError, Watcher, watch};

use crate::model::Settings;
use crate::platform::{self, PolicySource};
use reader::Layer;
use report::Report;
use source::Source;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use toml::de::DeTable;

/// A configuration that is right, and where its values come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// What to do.
    pub settings: Arc<Settings>,
    /// Who said so.
    pub origins: Origins,
}

impl Loaded {
    /// Every key that has a value, with it and where it comes from, in the order of the settings.
    #[must_use]
    pub fn rows(&self) -> Vec<KeyOrigin> {
        origin::rows(&self.settings, &self.origins)
    }

    /// Whether the policy leaves the user no word in `start_at_logon`.
    #[must_use]
    pub fn start_at_logon_is_locked(&self) -> bool {
        self.origins.of(keys::START_AT_LOGON.about.name) == Origin::Policy { locked: true }
    }
}

/// Reads the configuration file, under the machine's policy. A file that does not exist says nothing:
/// without a policy, that means [`default_settings`].
///
/// # Errors
/// Everything that is wrong with what is there, the policy included.
pub fn load(file: &Path) -> Result<Loaded, ConfigErrors> {
    load_under(&platform::policy_source(), file)
}

/// The same under the policy of that source.
pub(crate) fn load_under(policy: &PolicySource, file: &Path) -> Result<Loaded, ConfigErrors> {
    match (policy::read(policy), Source::read(file)) {
        (Ok(policy), Ok(file)) => resolve(policy.as_ref(), file.as_ref()),
        (Err(ConfigErrors(policy)), Err(ConfigErrors(file))) => {
            Err(ConfigErrors([policy, file].concat()))
        }
        (Err(errors), Ok(_)) | (Ok(_), Err(errors)) => Err(errors),
    }
}

fn resolve(policy: Option<&Source>, file: Option<&Source>) -> Result<Loaded, ConfigErrors> {
    let mut syntax = Vec::new();
    let policy = policy.map(|source| parse(source, &mut syntax));
    let file = file.map(|source| parse(source, &mut syntax));
    let mut errors = match resolve::resolve(policy.as_ref(), file.as_ref()) {
        Ok((settings, origins)) if syntax.is_empty() => {
            return Ok(Loaded {
                settings: Arc::new(settings),
                origins,
            });
        }
        Ok(_) => Vec::new(),
        Err(errors) => errors,
    };
    let broken = first_broken(&syntax);
    errors.retain(|error| is_certain(error, broken.get(&error.file)));
    errors.append(&mut syntax);
    errors.sort_by(|a, b| (&a.file, a.position).cmp(&(&b.file, b.position)));
    Err(ConfigErrors(errors))
}

fn parse<'a>(source: &'a Source, errors: &mut Vec<ConfigError>) -> Layer<'a> {
    let text = source.text.as_str();
    let (root, mut syntax) = DeTable::parse_recoverable(text);
    let span = |error: &toml::de::Error| error.span().unwrap_or(text.len()..text.len());
    let line = |error: &toml::de::Error| source.position(&span(error)).map(|at| at.line);
    // What the parser says after the first mistake of a line follows from that one.
    syntax.sort_by_key(|error| span(error).start);
    syntax.dedup_by_key(|error| line(error));
    for error in &syntax {
        let problem = if source.line_to(&span(error)).contains('\\') {
            Problem::Backslash
        } else {
            Problem::Syntax {
                detail: error.message().to_owned(),
            }
        };
        Report::on(source, errors).add(span(error), problem);
    }
    Layer {
        source,
        root: root.into_inner(),
    }
}

/// The line of the first error of syntax, for each source that has one.
fn first_broken(syntax: &[ConfigError]) -> HashMap<PathBuf, Option<usize>> {
    let mut first = HashMap::new();
    for error in syntax {
        let line = line(error);
        let known = first.entry(error.file.clone()).or_insert(line);
        *known = line.min(*known);
    }
    first
}

/// Whether the error would be there without the errors of syntax, of which the first is in the line
/// `broken`: these make the parser guess at what follows, and leave out what should have been there.
fn is_certain(error: &ConfigError, broken: Option<&Option<usize>>) -> bool {
    let takes_the_rest = matches!(
        error.problem,
        Problem::Missing | Problem::PrimaryOpensNothing
    );
    broken.is_none_or(|broken| line(error) < *broken && !takes_the_rest)
}

fn line(error: &ConfigError) -> Option<usize> {
    error.position.map(|position| position.line)
}

#[cfg(test)]
mod tests;
