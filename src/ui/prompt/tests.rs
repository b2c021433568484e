//! Dialogs as their users meet them: what is drawn, what has the focus, what a key does.

use super::form::{Form, Setting};
use super::view::show;
use crate::model::{
    Answer, InteractivePrompt, Language, PresentedKey, Question, QuestionId, QuestionKind, Secret,
};
use crate::ui::stage::{Stage, key, key_with, text};
use crate::ui::theme;
use egui::accesskit::Role;
use egui::{Event, Key, Modifiers, Theme};

/// A question's dialog on a stage.
struct Play {
    stage: Stage,
    setting: Setting,
    form: Form,
}

impl Play {
    fn new(kind: QuestionKind) -> Self {
        Self::in_looks(kind, Language::En, Theme::Light)
    }

    fn in_looks(kind: QuestionKind, language: Language, theme: Theme) -> Self {
        let question = Question {
            id: QuestionId(1),
            kind,
            expires: None,
        };
        let remember = match language {
            Language::Fr => crate::i18n::dialog::remember_in_credential_manager(language),
            Language::En => crate::i18n::dialog::remember_in_keyring(language),
        };
        let mut play = Self {
            stage: Stage::new(theme, 2.0),
            setting: Setting {
                language,
                server: "maintenance@serveurproduction:722".into(),
                remember: Some(remember),
                place: (1, 1),
                until: Some("14:32:08".into()),
            },
            form: Form::of(&question),
        };
        // The first is for the focus to settle.
        for _ in 0..3 {
            assert_eq!(play.send(vec![]), None);
        }
        play
    }

    fn send(&mut self, events: Vec<Event>) -> Option<Answer> {
        let shown_for = self.stage.time();
        let (setting, form) = (&self.setting, &mut self.form);
        self.stage
            .frame(events, |ui| show(ui, setting, form, shown_for))
    }

    /// One after the other, a frame each; the answer, if one of them gives it.
    fn send_each(&mut self, events: impl IntoIterator<Item = Event>) -> Option<Answer> {
        events.into_iter().find_map(|event| self.send(vec![event]))
    }

    #[track_caller]
    fn assert_focus(&mut self, role: Role, name: &str) {
        assert_eq!(self.send(vec![]), None);
        assert_eq!(self.stage.focused(), Some((role, name.to_owned())));
    }
}

fn host_key() -> QuestionKind {
    QuestionKind::HostKey(PresentedKey {
        host: "serveurproduction".into(),
        port: 722,
        algorithm: "ssh-ed25519".into(),
        fingerprint: "SHA256:uNiVztksCsDhcc0u9e8BrLJxZ5fWdB1oVgqUXn7Cl0w".into(),
        line: "ssh-ed25519 AAAA".into(),
    })
}

fn password(rejected: bool) -> QuestionKind {
    QuestionKind::Password {
        user: "maintenance".into(),
        server: "maintenance@serveurproduction:722".into(),
        rejected,
    }
}

fn passphrase() -> QuestionKind {
    QuestionKind::Passphrase {
        key: r"C:\Users\Élodie\.ssh\id_ed25519".into(),
        rejected: true,
    }
}

fn interactive() -> QuestionKind {
    let prompt = |text: &str, echo| InteractivePrompt {
        text: text.into(),
        echo,
    };
    QuestionKind::Interactive {
        name: "Authentification\u{202e} renforcée".into(),
        instruction: "Saisissez votre jeton, puis\u{1b}[31m le code reçu.".into(),
        prompts: vec![prompt("Nom du jeton :", true), prompt("Code :", false)],
    }
}

fn secret(value: &str, remember: bool) -> Option<Answer> {
    Some(Answer::Secret {
        value: Secret::new(value.into()),
        remember,
    })
}

#[test]
fn every_dialog_is_whole_in_both_languages_and_themes() {
    let all = [
        ("host-key", host_key()),
        ("password", password(false)),
        ("password-refused", password(true)),
        ("passphrase", passphrase()),
        ("interactive", interactive()),
    ];
    for (name, kind) in all {
        for (language, code) in [(Language::Fr, "fr"), (Language::En, "en")] {
            for (theme, look) in [(Theme::Light, "light"), (Theme::Dark, "dark")] {
                let mut play = Play::in_looks(kind.clone(), language, theme);
                play.stage.check_texts();
                play.stage.check_distances();
                let size = play.stage.size();
                assert!((size.x - theme::WIDTH).abs() < 0.5, "{name}: {size:?}");
                assert!((150.0..640.0).contains(&size.y), "{name}: {size:?}");
                play.stage.write(&format!("{name}-{code}-{look}"));
                // One of several.
                play.setting.place = (2, 3);
                assert_eq!(play.send(vec![]), None);
                play.stage.check_texts();
                play.stage.check_distances();
                play.stage.write(&format!("{name}-{code}-{look}-of-three"));
            }
        }
    }
}

#[test]
fn a_host_key_is_refused_by_enter_and_by_escape() {
    for (press, name) in [(Key::Enter, "Enter"), (Key::Escape, "Escape")] {
        let mut play = Play::new(host_key());
        play.assert_focus(Role::Button, "Do not trust");
        assert_eq!(play.send(vec![key(press)]), Some(Answer::Cancel), "{name}");
    }
}

#[test]
fn the_safe_button_keeps_the_focus_when_another_question_comes() {
    let mut play = Play::new(host_key());
    for place in [(1, 2), (1, 3), (1, 1), (2, 2)] {
        play.setting.place = place;
        play.assert_focus(Role::Button, "Do not trust");
    }
    assert_eq!(play.send(vec![key(Key::Enter)]), Some(Answer::Cancel));
}

#[test]
fn a_host_key_is_accepted_by_a_deliberate_act() {
    let mut play = Play::new(host_key());
    // From the safe button backwards; the other one cannot be pressed yet, so the focus passes it by.
    play.send(vec![key_with(Key::Tab, Modifiers::SHIFT)]);
    play.assert_focus(
        Role::CheckBox,
        "I have compared both fingerprints: they are the same.",
    );
    assert_eq!(play.send(vec![key(Key::Space)]), None);
    play.send(vec![key(Key::Tab)]);
    play.assert_focus(Role::Button, "Trust");
    assert_eq!(
        play.send(vec![key(Key::Enter)]),
        Some(Answer::AcceptHostKey)
    );
}

#[test]
fn the_fingerprint_can_be_read_and_selected_but_not_changed() {
    let mut play = Play::new(host_key());
    let fingerprint = "SHA256:uNiVztksCsDhcc0u9e8BrLJxZ5fWdB1oVgqUXn7Cl0w";
    let texts = play.stage.texts();
    let (_, place, _) = texts.iter().find(|(text, ..)| text == fingerprint).unwrap();
    assert!(place.height() < 25.0, "on one line: {place:?}");
    let at = place.center();
    let click = |pressed| Event::PointerButton {
        pos: at,
        button: egui::PointerButton::Primary,
        pressed,
        modifiers: Modifiers::NONE,
    };
    play.send(vec![Event::PointerMoved(at)]);
    play.send(vec![click(true)]);
    play.send(vec![click(false)]);
    play.send(vec![key_with(Key::A, Modifiers::COMMAND)]);
    play.send(vec![text("x"), key(Key::Delete)]);
    assert!(
        play.stage
            .texts()
            .iter()
            .any(|(text, ..)| text == fingerprint)
    );
    assert!(play.stage.read_aloud().contains(fingerprint));
}

#[test]
fn a_password_is_typed_and_sent_by_enter() {
    let mut play = Play::new(password(false));
    play.assert_focus(
        Role::PasswordInput,
        "For the account maintenance on serveurproduction:722",
    );
    // Nothing is no password.
    assert_eq!(play.send(vec![key(Key::Enter)]), None);
    let typed = ["p", "é", "x", "🗝"].map(text);
    assert_eq!(play.send_each(typed), None);
    assert_eq!(
        play.send_each([key(Key::ArrowLeft), key(Key::Backspace)]),
        None
    );
    assert_eq!(play.send(vec![key(Key::Enter)]), secret("pé🗝", false));
}

#[test]
fn a_password_is_pasted_without_the_end_of_its_line() {
    let mut play = Play::new(password(false));
    play.send(vec![Event::Paste("two words\r\n".into())]);
    assert_eq!(play.send(vec![key(Key::Enter)]), secret("two words", false));
}

#[test]
fn a_password_is_kept_when_that_is_ticked() {
    let mut play = Play::new(password(false));
    play.send(vec![text("secret")]);
    // Past the eye.
    play.send_each([key(Key::Tab), key(Key::Tab)]);
    play.assert_focus(Role::CheckBox, "Remember in the keyring");
    play.send_each([key(Key::Space), key(Key::Tab)]);
    play.assert_focus(Role::Button, "Log in");
    assert_eq!(play.send(vec![key(Key::Space)]), secret("secret", true));
}

#[test]
fn nothing_is_offered_to_be_kept_where_there_is_no_keyring() {
    let mut play = Play::new(password(false));
    play.setting.remember = None;
    play.send(vec![]);
    assert!(!play.stage.read_aloud().contains("Remember"));
}

#[test]
fn escape_cancels_what_has_fields() {
    for kind in [password(true), passphrase(), interactive()] {
        let mut play = Play::new(kind);
        play.send(vec![text("half")]);
        assert_eq!(play.send(vec![key(Key::Escape)]), Some(Answer::Cancel));
    }
}

#[test]
fn who_typed_elsewhere_answers_nothing() {
    for kind in [host_key(), password(false)] {
        let mut play = Play::new(kind);
        play.send(vec![text("x")]);
        for press in [Key::Enter, Key::Escape, Key::Space] {
            let (setting, form) = (&play.setting, &mut play.form);
            let events = vec![key(press)];
            let answer = play.stage.frame(events, |ui| show(ui, setting, form, 0.1));
            assert_eq!(answer, None, "{press:?}");
        }
    }
}

#[test]
fn a_secret_is_nowhere_in_what_is_drawn_or_read_aloud() {
    let mut play = Play::new(password(false));
    let word = "Zq7#Kx";
    for typed in word.chars() {
        play.send(vec![Event::Text(typed.to_string())]);
        play.send(vec![]);
    }
    let dots = "••••••";
    assert!(play.stage.texts().iter().any(|(text, ..)| text == dots));
    assert!(play.stage.read_aloud().contains(dots));

    // Shown to the eye alone, character by character.
    play.send_each([key(Key::Tab), key(Key::Space)]);
    play.assert_focus(Role::CheckBox, "Show what is typed");
    let texts: Vec<_> = play
        .stage
        .texts()
        .into_iter()
        .map(|(text, ..)| text)
        .collect();
    for character in word.chars() {
        assert!(texts.contains(&character.to_string()), "{texts:?}");
    }
    play.stage.check_texts();
    play.stage.write("password-shown");
    let aloud = play.stage.read_aloud();
    assert!(aloud.contains(dots) && !aloud.contains(word) && !aloud.contains("Zq"));
    assert!(!texts.iter().any(|text| text.contains("Zq")));
    assert!(!format!("{:?}", play.form.take_answer()).contains("Zq"));
}

#[test]
fn a_secret_is_not_copied_and_not_undone() {
    let mut play = Play::new(password(false));
    play.send_each([text("one"), text("two")]);
    let command = |press| key_with(press, Modifiers::COMMAND);
    play.send_each([
        command(Key::A),
        Event::Copy,
        command(Key::Z),
        command(Key::Z),
    ]);
    play.send(vec![command(Key::Y)]);
    assert_eq!(play.send(vec![key(Key::Enter)]), secret("onetwo", false));
}

#[test]
fn a_secret_is_never_longer_than_its_buffer() {
    let mut play = Play::new(password(false));
    play.send(vec![Event::Paste("é".repeat(4000))]);
    play.send(vec![text("x")]);
    assert_eq!(
        play.send(vec![key(Key::Enter)]),
        secret(&"é".repeat(512), false)
    );
}

#[test]
fn the_fields_of_a_server_are_gone_through_by_enter() {
    let mut play = Play::new(interactive());
    play.assert_focus(Role::TextInput, "Nom du jeton :");
    assert_eq!(play.send_each([text("clé 7"), key(Key::Enter)]), None);
    play.assert_focus(Role::PasswordInput, "Code :");
    let answer = play.send_each([text("123"), text("456"), key(Key::Enter)]);
    let said = |word: &str| Secret::new(word.into());
    assert_eq!(
        answer,
        Some(Answer::Responses(vec![said("clé 7"), said("123456")]))
    );
}

#[test]
fn a_servers_text_is_harmless_and_marked_as_its_own() {
    let play = Play::new(interactive());
    let texts: Vec<_> = play
        .stage
        .texts()
        .into_iter()
        .map(|(text, ..)| text)
        .collect();
    let says = |wanted: &str| texts.iter().any(|text| text == wanted);
    assert!(
        says("maintenance@serveurproduction:722 writes:"),
        "{texts:?}"
    );
    assert!(says("Authentification renforcée"), "{texts:?}");
    assert!(
        says("Saisissez votre jeton, puis[31m le code reçu."),
        "{texts:?}"
    );
    assert!(
        says("The server waits for the answer until 14:32:08."),
        "{texts:?}"
    );
}

#[test]
fn many_fields_are_scrolled_and_the_buttons_stay() {
    let prompt = |number| InteractivePrompt {
        text: format!("Field {number}"),
        echo: number % 2 == 0,
    };
    let play = Play::new(QuestionKind::Interactive {
        name: String::new(),
        instruction: "long ".repeat(1000),
        prompts: (0..30).map(prompt).collect(),
    });
    assert!(play.stage.size().y < 720.0, "{:?}", play.stage.size());
    let texts = play.stage.texts();
    let (_, whole, seen) = texts.iter().find(|(text, ..)| text == "Answer").unwrap();
    assert!(seen.contains_rect(*whole));
}
