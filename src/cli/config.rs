//! `config`: the configuration file, without the running program.

use super::args::ConfigVerb;
use super::exit::{Exit, Failure};
use super::{Context, print};
use crate::app;
use crate::config::{self, ConfigErrors, KeyOrigin};
use crate::files::{self, FileError};
use crate::i18n::{self, verbs as words};
use crate::model::Language;
use std::path::Path;

/// Runs the verb.
pub(super) fn config(cx: &Context, verb: ConfigVerb) -> Result<(), Failure> {
    let file = &cx.paths.config_file;
    match verb {
        ConfigVerb::Path => print::line(file.display()),
        ConfigVerb::Init => init(cx, file),
        ConfigVerb::Check => check(cx, file),
        ConfigVerb::Show { origin } => show(cx, file, origin),
    }
}

/// The end of a verb that met a bad configuration.
pub(super) fn bad(language: Language, errors: &ConfigErrors) -> Failure {
    let errors = app::config_errors(language, errors);
    Failure::new(Exit::BadConfig, errors.join("\n"))
}

fn init(cx: &Context, file: &Path) -> Result<(), Failure> {
    let name = file.display().to_string();
    match config::write_example(file) {
        Ok(()) => print::line(words::config_written(cx.language, &name)),
        Err(error) if error.is_taken() => Err(Failure::new(
            Exit::Failed,
            words::config_exists(cx.language, &name),
        )),
        Err(FileError::Silent) => Err(cx.silent(file)),
        Err(error) => Err(Failure::new(
            Exit::Failed,
            words::config_not_written(cx.language, &name, &error.to_string()),
        )),
    }
}

fn check(cx: &Context, file: &Path) -> Result<(), Failure> {
    cx.check_named_file()?;
    config::load(file).map_err(|errors| bad(cx.language, &errors))?;
    let name = file.display().to_string();
    print::line(match files::is_there(file) {
        Ok(false) => words::config_is_default(cx.language, &name),
        Ok(true) | Err(_) => words::config_is_right(cx.language, &name),
    })
}

fn show(cx: &Context, file: &Path, with_origin: bool) -> Result<(), Failure> {
    let loaded = config::load(file).map_err(|errors| bad(cx.language, &errors))?;
    let lines: Vec<String> = loaded
        .rows()
        .iter()
        .map(|row| show_row(cx.language, row, with_origin))
        .collect();
    print::line(lines.join("\n"))
}

fn show_row(language: Language, row: &KeyOrigin, with_origin: bool) -> String {
    let assignment = format!("{} = {}", row.key, row.value);
    if !with_origin {
        return assignment;
    }
    let origin = i18n::origin(language, &row.origin);
    format!("{assignment}  # {origin}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Origin;

    #[test]
    fn a_value_is_shown_with_where_it_comes_from() {
        let row = KeyOrigin {
            key: "tunnel[0].port".into(),
            value: "722".into(),
            origin: Origin::File { line: 7 },
        };
        assert_eq!(show_row(Language::En, &row, false), "tunnel[0].port = 722");
        let explained = show_row(Language::En, &row, true);
        assert!(explained.starts_with("tunnel[0].port = 722  # "));
        assert!(explained.contains('7'));
    }
}
