//! What to say in a keyboard-interactive round: RFC 4256.

use super::plan::PasswordState;
use crate::model::InteractivePrompt;

/// The most rounds that a server may ask for: a bound, far beyond what any does.
pub(super) const MOST_ROUNDS: usize = 20;

/// The most fields of a round: what is more, nobody fills in, and fills up what shows it.
pub(super) const MOST_FIELDS: usize = 32;

/// How to answer a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reply {
    /// With nothing: it has no field.
    Nothing,
    /// With the known password.
    Password,
    /// It asks for the password, and none is known.
    PasswordNeeded,
    /// With what the user says.
    AskUser,
}

/// How to answer a round with these fields. `spent`: the password was given in an earlier one, so
/// that whatever comes now is something else, or the server did not like it.
pub(super) fn reply(prompts: &[InteractivePrompt], password: PasswordState, spent: bool) -> Reply {
    match prompts {
        [] => Reply::Nothing,
        [field] if !spent && !field.echo && asks_for_the_password(&field.text) => match password {
            PasswordState::Known => Reply::Password,
            PasswordState::Unsought | PasswordState::Unknown | PasswordState::Refused => {
                Reply::PasswordNeeded
            }
        },
        _ => Reply::AskUser,
    }
}

/// Whether a label asks for the account's present password, and not for a code or for a new one.
///
/// A label that is not understood is put before the user, so this errs towards no.
fn asks_for_the_password(label: &str) -> bool {
    const YES: [&str; 8] = [
        "password",
        "passwort",
        "mot de passe",
        "contraseña",
        "wachtwoord",
        "senha",
        "hasło",
        "пароль",
    ];
    const NO: [&str; 14] = [
        "one-time",
        "one time",
        "onetime",
        "otp",
        "token",
        "code",
        "verification",
        "new ",
        "nouveau",
        "again",
        "retype",
        "re-type",
        "repeat",
        "confirm",
    ];
    let label = label.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| label.contains(word));
    has(&YES) && !has(&NO)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(text: &str) -> InteractivePrompt {
        InteractivePrompt {
            text: text.into(),
            echo: false,
        }
    }

    #[test]
    fn the_password_goes_to_what_asks_for_it_and_to_nothing_else() {
        for label in [
            "Password: ",
            "(maintenance@serveurproduction) Password: ",
            "maintenance's Password:",
            "Mot de passe : ",
            "Current password:",
        ] {
            let fields = [hidden(label)];
            assert_eq!(reply(&fields, PasswordState::Known, false), Reply::Password);
            let unknown = reply(&fields, PasswordState::Unknown, false);
            assert_eq!(unknown, Reply::PasswordNeeded);
        }
        for label in [
            "",
            "Verification code: ",
            "One-time password (OATH) for `maintenance': ",
            "New password: ",
            "Retype new password: ",
            "Nouveau mot de passe : ",
            "Passcode or option (1-3): ",
            "PIN: ",
        ] {
            let fields = [hidden(label)];
            let known = reply(&fields, PasswordState::Known, false);
            assert_eq!(known, Reply::AskUser, "{label}");
        }
    }

    #[test]
    fn the_password_is_given_once() {
        let fields = [hidden("Password: ")];
        let again = reply(&fields, PasswordState::Known, true);
        assert_eq!(again, Reply::AskUser);
    }

    #[test]
    fn the_password_is_never_given_where_it_would_be_shown_or_among_other_fields() {
        let shown = InteractivePrompt {
            text: "Password: ".into(),
            echo: true,
        };
        let asked = |fields: &[InteractivePrompt]| reply(fields, PasswordState::Known, false);
        assert_eq!(asked(&[shown]), Reply::AskUser);
        let two = [hidden("Password: "), hidden("Code: ")];
        assert_eq!(asked(&two), Reply::AskUser);
    }

    #[test]
    fn a_round_without_fields_needs_nobody() {
        assert_eq!(reply(&[], PasswordState::Unknown, false), Reply::Nothing);
    }
}
