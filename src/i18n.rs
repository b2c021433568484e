//! Every sentence that a user reads, in French and in English, side by side.
//!
//! The other rooms hand over typed values; here they become words. A message is declared once with
//! `messages!`, both languages together: a missing translation, or a missing argument, does not
//! compile. Arguments are text from anywhere, servers included, so each is made harmless
//! ([`clean`]) before it meets the sentence.

mod config;
pub(crate) mod demo;
#[cfg_attr(
    not(feature = "icon"),
    expect(dead_code, reason = "only the icon says it")
)]
pub(crate) mod dialog;
mod fault;
mod health;
pub(crate) mod help;
pub(crate) mod holding;
#[cfg_attr(
    not(feature = "icon"),
    expect(dead_code, reason = "only the icon says it")
)]
pub(crate) mod notify;
mod question;
pub(crate) mod run;
mod state;
#[cfg_attr(
    not(feature = "icon"),
    expect(dead_code, reason = "only the icon says it")
)]
pub(crate) mod tray;
pub(crate) mod units;
pub(crate) mod verbs;

pub(crate) use config::more_errors;
pub use config::{allowed, config_error, origin};
#[cfg(feature = "icon")]
pub(crate) use fault::place;
pub use fault::{Explained, fault};
pub use health::health;
pub use question::question;
pub use state::{health_of_code, phase, phase_of_code, stage};

use crate::model::Language;

/// The longest text of others in a sentence, in characters.
pub(crate) const LONGEST: usize = 300;

/// The language of the user's system; English where it is neither of ours.
#[must_use]
pub fn detect() -> Language {
    sys_locale::get_locale().map_or(Language::En, |locale| of_locale(&locale))
}

fn of_locale(locale: &str) -> Language {
    let language = locale.split(['-', '_', '.', '@']).next();
    if language.is_some_and(|language| language.eq_ignore_ascii_case("fr")) {
        Language::Fr
    } else {
        Language::En
    }
}

/// Text of others, made harmless: one line, no control character (so no terminal escape), nothing
/// invisible or that turns the direction of writing (so what is seen is what is there), and cut
/// where it is long.
#[must_use]
pub fn clean(text: &str) -> String {
    let visible = text.chars().filter_map(|character| match character {
        '\n' | '\r' | '\t' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some(' '),
        '\u{ad}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}' => None,
        other if other.is_control() => None,
        other => Some(other),
    });
    let mut line = String::new();
    let mut length = 0;
    for character in visible {
        if character == ' ' && (line.is_empty() || line.ends_with(' ')) {
            continue;
        }
        if length == LONGEST {
            line.push('…');
            return line;
        }
        line.push(character);
        length += 1;
    }
    line.truncate(line.trim_end_matches(' ').len());
    line
}

/// Declares messages: a function each, that takes the language and the arguments.
///
/// In French, a no-break space (U+00A0) stands before `: ; ! ?` and inside `« »`.
macro_rules! messages {
    ($(
        $(#[$attribute:meta])*
        $name:ident ( $($argument:ident : $type:ty),* $(,)? ) {
            fr: $fr:literal,
            en: $en:literal $(,)?
        }
    )*) => {$(
        $(#[$attribute])*
        pub(crate) fn $name(language: $crate::model::Language $(, $argument: $type)*) -> String {
            $( let $argument = $crate::i18n::clean(&$argument.to_string()); )*
            match language {
                $crate::model::Language::Fr => format!($fr),
                $crate::model::Language::En => format!($en),
            }
        }
    )*};
}
pub(crate) use messages;

#[cfg(test)]
mod tests {
    use super::*;

    messages! {
        greeting(name: &str, count: u32) {
            fr: "Bonjour {name}, {count} fois.",
            en: "Hello {name}, {count} times.",
        }
    }

    #[test]
    fn a_message_speaks_both_languages() {
        assert_eq!(greeting(Language::Fr, "vous", 2), "Bonjour vous, 2 fois.");
        assert_eq!(greeting(Language::En, "you", 2), "Hello you, 2 times.");
    }

    #[test]
    fn arguments_cannot_write_to_the_terminal() {
        let evil = "a\u{1b}[2J\u{202e}b\r\n\n c\u{7}\u{9b}31m";
        assert_eq!(
            greeting(Language::En, evil, 1),
            "Hello a[2Jb c31m, 1 times."
        );
    }

    #[test]
    fn long_text_is_cut_and_says_so() {
        let long = clean(&"é".repeat(10_000));
        assert_eq!(long.chars().count(), LONGEST + 1);
        assert!(long.ends_with('…'));
        assert_eq!(clean(&"é".repeat(LONGEST)).chars().count(), LONGEST);
    }

    #[test]
    fn ordinary_text_stays_as_it_is() {
        let text = "Échec de l’ouverture de « C:\\Clés » : 日本 🙂";
        assert_eq!(clean(text), text);
    }

    #[test]
    fn locales_choose_the_language() {
        for french in ["fr", "fr-FR", "fr_CA.UTF-8", "FR"] {
            assert_eq!(of_locale(french), Language::Fr, "{french}");
        }
        for other in ["en-US", "de", "C", "POSIX", "fry-NL", ""] {
            assert_eq!(of_locale(other), Language::En, "{other}");
        }
    }

    /// The rule of French typography, over the sources of every message.
    #[test]
    fn french_has_no_break_spaces_where_it_wants_them() {
        let mut seen = 0;
        let mut folders = vec![std::path::PathBuf::from(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/src/i18n"
        ))];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let source = std::fs::read_to_string(&path).unwrap();
                for after in source.split("fr: \"").skip(1) {
                    let text = after.split("\",\n").next().unwrap();
                    seen += 1;
                    for wrong in [" :", " ;", " !", " ?", " »", "« ", "'"] {
                        assert!(!text.contains(wrong), "{}: {text}", path.display());
                    }
                }
            }
        }
        assert!(seen > 50, "only {seen} messages found");
    }
}
