//! A question's dialog, drawn and answered: a function of its form and of egui's input.

use super::form::{Field, Form, SecretOf, Setting};
use crate::i18n::{self, clean, dialog as words};
use crate::model::{Answer, Language, PresentedKey};
use crate::ui::theme::CONTROL_HEIGHT;
use crate::ui::widgets::{self, Choice};
use egui::{Event, Id, Key, Response, Ui};

/// For how long after its appearance Enter, Escape and the space bar do nothing, in seconds: who was
/// typing elsewhere when the dialog came up has not read it.
const UNREAD: f64 = 0.4;

/// The space between two parts of a dialog, in points.
const GAP: f32 = 16.0;

/// Shows the dialog; returns the answer when it is given. `shown_for` is how long the user has had it
/// in front, in seconds.
pub(in crate::ui) fn show(
    ui: &mut Ui,
    setting: &Setting,
    form: &mut Form,
    shown_for: f64,
) -> Option<Answer> {
    tame_input(ui, shown_for < UNREAD);
    let submitted = widgets::body(ui, |ui| body(ui, setting, form));
    let (go, refuse) = buttons(ui, setting, form);
    if refuse || ui.input(|input| input.key_pressed(Key::Escape)) {
        Some(Answer::Cancel)
    } else if go || (submitted && form.is_complete()) {
        Some(form.take_answer())
    } else {
        None
    }
}

/// Takes out of the input what would do harm.
fn tame_input(ui: &Ui, unread: bool) {
    ui.input_mut(|input| {
        if unread {
            input.events.retain(|event| !decides(event));
        }
        for event in &mut input.events {
            if let Event::Paste(text) = event {
                // A line that is copied often has its end with it, which egui would make a space.
                text.truncate(text.trim_end_matches(['\r', '\n']).len());
            }
        }
    });
}

fn decides(event: &Event) -> bool {
    matches!(
        event,
        Event::Key {
            key: Key::Enter | Key::Escape | Key::Space,
            ..
        }
    )
}

/// Returns whether Enter was pressed in the last field.
fn body(ui: &mut Ui, setting: &Setting, form: &mut Form) -> bool {
    let l = setting.language;
    match form {
        Form::HostKey { key, compared } => {
            host_key(ui, l, key, compared);
            false
        }
        Form::Secret {
            of,
            rejected,
            field,
            remember,
        } => {
            let label = explain_secret(ui, l, of, *rejected);
            let id = Id::unique("secret");
            let entered = show_field(ui, l, id, field, &label);
            keep_focus(ui, id);
            if let Some(text) = &setting.remember {
                ui.add_space(GAP);
                widgets::tick(ui, remember, text);
            }
            entered
        }
        Form::Interactive { said, fields } => interactive(ui, setting, said, fields),
    }
}

fn host_key(ui: &mut Ui, l: Language, key: &PresentedKey, compared: &mut bool) {
    widgets::title(ui, &words::trust_title(l));
    ui.add_space(10.0);
    widgets::paragraph(ui, &words::trust_why(l));
    ui.add_space(GAP);
    widgets::value(ui, &words::server(l), &clean(&i18n::place(key)));
    ui.add_space(12.0);
    let name = words::fingerprint(l, &key.algorithm);
    widgets::value(ui, &name, &clean(&key.fingerprint));
    if let Some(command) = where_to_compare(&key.algorithm) {
        ui.add_space(12.0);
        widgets::value(ui, &words::where_to_compare(l), &command);
    }
    ui.add_space(GAP);
    widgets::tick(ui, compared, &words::compared(l));
}

/// Returns what the field is called by.
fn explain_secret(ui: &mut Ui, l: Language, of: &SecretOf, rejected: bool) -> Response {
    let (title, refused) = match of {
        SecretOf::Account { .. } => (words::password_title(l), words::password_refused(l)),
        SecretOf::Key(_) => (words::passphrase_title(l), words::passphrase_refused(l)),
    };
    widgets::title(ui, &title);
    ui.add_space(10.0);
    let label = match of {
        SecretOf::Account { user, server } => {
            widgets::paragraph(ui, &words::password_of(l, user, server))
        }
        SecretOf::Key(path) => {
            let label = widgets::paragraph(ui, &words::passphrase_of(l));
            ui.add_space(GAP);
            let path = path.display().to_string();
            widgets::value(ui, &words::key_file(l), &clean(&path));
            label
        }
    };
    ui.add_space(GAP);
    if rejected {
        widgets::note(ui, &refused);
        ui.add_space(12.0);
    }
    label
}

fn interactive(ui: &mut Ui, setting: &Setting, said: &[String], fields: &mut [Field]) -> bool {
    let l = setting.language;
    widgets::title(ui, &words::server_asks_title(l));
    ui.add_space(10.0);
    widgets::small_print(ui, &words::server_says(l, &setting.server));
    if !said.is_empty() {
        ui.add_space(6.0);
        let said: Vec<_> = said.iter().map(|text| clean(text)).collect();
        widgets::quote(ui, &said);
    }
    let id = |number: usize| Id::unique(("field", number));
    let mut entered = None;
    for (number, field) in fields.iter_mut().enumerate() {
        ui.add_space(GAP);
        let label = widgets::caption(ui, &clean(&field.label));
        if show_field(ui, l, id(number), field, &label) {
            entered = Some(number);
        }
    }
    let last = fields.len().saturating_sub(1);
    match entered {
        Some(number) if number < last => keep_focus(ui, id(number + 1)),
        Some(_) | None => keep_focus(ui, id(0)),
    }
    if let Some(until) = &setting.until {
        ui.add_space(GAP);
        widgets::small_print(ui, &words::answer_until(l, until));
    }
    entered == Some(last)
}

/// Returns whether Enter was pressed in it.
fn show_field(ui: &mut Ui, l: Language, id: Id, field: &mut Field, label: &Response) -> bool {
    let row = ui.horizontal(|ui| {
        let hidden = field.typed.is_hidden();
        let eye = CONTROL_HEIGHT + ui.spacing().item_spacing.x;
        let width = ui.available_width() - if hidden { eye } else { 0.0 };
        let shown = field.typed.show(ui, id, width, field.revealed);
        if hidden {
            widgets::reveal(ui, &mut field.revealed, &words::show_typing(l));
        }
        shown.response.response.labelled_by(label.id)
    });
    row.inner.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter))
}

/// Returns whether the answer was given, and whether it was refused.
fn buttons(ui: &mut Ui, setting: &Setting, form: &Form) -> (bool, bool) {
    let l = setting.language;
    let (go, refuse) = match form {
        Form::HostKey { .. } => (words::trust(l), words::do_not_trust(l)),
        Form::Secret {
            of: SecretOf::Account { .. },
            ..
        } => (words::log_in(l), words::cancel(l)),
        Form::Secret {
            of: SecretOf::Key(_),
            ..
        } => (words::unlock(l), words::cancel(l)),
        Form::Interactive { .. } => (words::answer(l), words::cancel(l)),
    };
    let place = match setting.place {
        (_, 0 | 1) => None,
        (number, count) => Some(words::nth_of(l, number, count)),
    };
    let [go, refuse] = widgets::footer(
        ui,
        place.as_deref(),
        [
            Choice {
                text: &go,
                main: true,
                enabled: form.is_complete(),
            },
            Choice {
                text: &refuse,
                main: false,
                enabled: true,
            },
        ],
    );
    if matches!(form, Form::HostKey { .. }) {
        // The safe button is what Enter presses.
        keep_focus(ui, refuse.id);
    }
    (go.clicked(), refuse.clicked())
}

/// Gives the focus to this one when nothing has it.
fn keep_focus(ui: &Ui, id: Id) {
    if ui.memory(|memory| memory.focused().is_none()) {
        ui.memory_mut(|memory| memory.request_focus(id));
        ui.ctx().request_repaint();
    }
}

/// The command that prints the fingerprint on a server of OpenSSH's, for the types that it makes by
/// itself.
fn where_to_compare(algorithm: &str) -> Option<String> {
    let name = match algorithm {
        "ssh-ed25519" => "ed25519",
        "ssh-rsa" => "rsa",
        ecdsa if ecdsa.starts_with("ecdsa-sha2-") => "ecdsa",
        _ => return None,
    };
    Some(format!("ssh-keygen -lf /etc/ssh/ssh_host_{name}_key.pub"))
}
