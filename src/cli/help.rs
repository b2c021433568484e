//! The help in the user's language: the English one comes with the arguments, and is replaced here
//! piece by piece.

use crate::i18n::help as words;
use crate::model::Language;
use clap::{Arg, ArgAction, Command};

/// The command with its help in that language.
pub(super) fn in_language(command: Command, language: Language) -> Command {
    let command = command.after_help(words::exit_codes(language));
    match language {
        Language::En => command,
        Language::Fr => in_french(command, ""),
    }
}

fn in_french(command: Command, path: &str) -> Command {
    let mut command = command
        .help_template(words::FRENCH_TEMPLATE)
        .subcommand_help_heading(words::FRENCH_VERBS)
        .disable_help_flag(true)
        .mut_args(|arg| match words::french(&path_of_arg(path, &arg)) {
            Some(help) => arg.help(help),
            None => arg,
        })
        .mut_subcommands(|verb| {
            let path = path_of_verb(path, &verb);
            in_french(verb, &path)
        })
        .arg(
            Arg::new("help")
                .short('h')
                .long("help")
                .action(ArgAction::Help)
                .help(words::FRENCH_HELP),
        );
    if let Some(about) = words::french(path) {
        command = command.about(about).long_about(None);
    }
    if command.get_version().is_some() {
        command = command.disable_version_flag(true).arg(
            Arg::new("version")
                .short('V')
                .long("version")
                .action(ArgAction::Version)
                .help(words::FRENCH_VERSION),
        );
    }
    command
}

fn path_of_verb(path: &str, verb: &Command) -> String {
    if path.is_empty() {
        return verb.get_name().to_owned();
    }
    format!("{path} {}", verb.get_name())
}

fn path_of_arg(path: &str, arg: &Arg) -> String {
    format!("{path}.{}", arg.get_id())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::{Cli, Tray};
    use clap::CommandFactory;

    fn missing(command: &Command, path: &str, missing: &mut Vec<String>) {
        let arguments = command.get_arguments().map(|arg| path_of_arg(path, arg));
        let mut paths: Vec<String> = arguments.collect();
        paths.push(path.to_owned());
        missing.extend(
            paths
                .into_iter()
                .filter(|path| words::french(path).is_none()),
        );
        for verb in command.get_subcommands() {
            self::missing(verb, &path_of_verb(path, verb), missing);
        }
    }

    #[test]
    fn every_verb_and_argument_is_explained_in_french() {
        let mut untranslated = Vec::new();
        missing(&Cli::command(), "", &mut untranslated);
        missing(&Tray::command(), "", &mut untranslated);
        assert_eq!(untranslated, [""; 0]);
    }

    #[test]
    fn the_command_is_sound_in_both_languages() {
        for language in [Language::En, Language::Fr] {
            in_language(Cli::command(), language).debug_assert();
        }
    }

    #[test]
    fn french_help_is_french_to_its_end() {
        let mut command = in_language(Cli::command(), Language::Fr);
        let help = command.render_long_help().to_string();
        for english in ["Usage", "Commands", "Print", "help"] {
            assert!(
                !help.replace("--help", "").contains(english),
                "{english}: {help}"
            );
        }
        assert!(help.contains("déjà lancé"));
    }
}
