//! A box that says something, and is closed again.

use super::diagnosis;
use super::status::{self, Times};
use super::widgets::{self, Choice};
use super::window::{DialogHost, DialogWindow, Outcome, WindowError};
use crate::i18n::{self, clean, dialog as words};
use crate::model::{Language, Snapshot, TunnelView, version};
use crate::ui_messages::Setback;
use egui::{Key, Ui};
use egui_winit::accesskit_winit;
use std::path::Path;
use std::time::Instant;
use winit::event::WindowEvent;
use winit::event_loop::ActiveEventLoop;
use winit::window::WindowId;

/// What a box says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    language: Language,
    title: String,
    paragraphs: Vec<String>,
    /// What one may want to copy, with its name.
    values: Vec<(String, String)>,
}

impl Message {
    /// What Passerelle is, and where its log is.
    pub(super) fn about(language: Language, log: Option<&Path>) -> Self {
        Self {
            language,
            title: words::about_title(language),
            paragraphs: vec![words::about(language, version()), words::licence(language)],
            values: named(language, log),
        }
    }

    /// Why a tunnel is not as it should be, and what to do about it.
    pub(super) fn explain(language: Language, view: &TunnelView, log: Option<&Path>) -> Self {
        let state = i18n::phase(language, view.phase);
        let fault = view.fault.as_ref();
        let explained = fault.map(|fault| i18n::fault(language, fault));
        Self {
            language,
            title: i18n::tray::about(language, view.id().as_str(), &state),
            paragraphs: explained
                .map(|explained| vec![explained.message, explained.hint])
                .unwrap_or_default(),
            values: named(language, log),
        }
    }

    /// Why a wish is not done.
    pub(super) fn setback(language: Language, setback: &Setback, log: Option<&Path>) -> Self {
        Self {
            language,
            title: setback.title(language),
            paragraphs: vec![setback.why().to_owned()],
            values: named(language, log),
        }
    }

    /// How everything fares, for somebody who looks for Passerelle.
    pub(super) fn overview(language: Language, snapshot: &Snapshot, times: &Times) -> Self {
        let tunnels = snapshot.tunnels.iter().map(|view| {
            let state = status::state(language, view, times);
            i18n::tray::about(language, view.id().as_str(), &state)
        });
        Self {
            language,
            title: i18n::tray::is_running(language),
            paragraphs: tunnels
                .chain([i18n::tray::look_for_the_icon(language)])
                .collect(),
            values: Vec::new(),
        }
    }

    /// How the whole way fares, for whoever helps.
    pub(super) fn diagnosis(
        language: Language,
        snapshot: &Snapshot,
        times: &Times,
        log: Option<&Path>,
    ) -> Self {
        Self {
            language,
            title: words::diagnosis_title(language),
            paragraphs: diagnosis::diagnosis(language, snapshot, times),
            values: named(language, log),
        }
    }

    /// Why the configuration on disk is not the one in force.
    pub(super) fn settings_errors(language: Language, errors: &[String]) -> Self {
        Self {
            language,
            title: i18n::tray::settings_have_errors(language),
            paragraphs: errors.to_vec(),
            values: Vec::new(),
        }
    }

    /// What ended Passerelle, or keeps it from starting.
    pub(super) fn fatal(language: Language, why: &str, log: Option<&Path>) -> Self {
        Self {
            language,
            title: i18n::tray::passerelle().to_owned(),
            paragraphs: why.lines().map(str::to_owned).collect(),
            values: named(language, log),
        }
    }

    /// Shows it; returns whether the user has read it.
    fn show(&self, ui: &mut Ui) -> bool {
        widgets::body(ui, |ui| {
            widgets::title(ui, &self.title);
            for paragraph in &self.paragraphs {
                ui.add_space(10.0);
                widgets::paragraph(ui, paragraph);
            }
            for (name, value) in &self.values {
                ui.add_space(16.0);
                widgets::value(ui, name, &clean(value));
            }
        });
        let close = Choice {
            text: &words::close(self.language),
            main: true,
            enabled: true,
        };
        let [close] = widgets::footer(ui, None, [close]);
        if ui.memory(|memory| memory.focused().is_none()) {
            close.request_focus();
        }
        close.clicked() || ui.input(|input| input.key_pressed(Key::Escape))
    }
}

/// Where the log is, to be copied.
fn named(language: Language, log: Option<&Path>) -> Vec<(String, String)> {
    let log = log.map(|log| (words::log_file(language), log.display().to_string()));
    log.into_iter().collect()
}

/// A box on the screen.
pub(super) struct MessageBox {
    message: Message,
    window: DialogWindow,
}

impl MessageBox {
    /// Opens it.
    ///
    /// # Errors
    /// When the system gives no window.
    pub(super) fn open(
        event_loop: &ActiveEventLoop,
        host: &DialogHost,
        message: Message,
    ) -> Result<Self, WindowError> {
        let window = DialogWindow::open(event_loop, host, &message.title, |ui| {
            message.show(ui);
        })?;
        Ok(Self { message, window })
    }

    /// Whether this is what it says.
    pub(super) fn says(&self, message: &Message) -> bool {
        self.message == *message
    }

    /// Brings it to the front.
    pub(super) fn raise(&self) {
        self.window.raise();
    }

    /// Takes an event, if it is one of this window's.
    pub(super) fn window_event(&mut self, id: WindowId, event: &WindowEvent) -> Outcome {
        if self.window.id() != id {
            return Outcome::Stays;
        }
        let mut read = false;
        let outcome = self.window.take(event, |ui| read |= self.message.show(ui));
        if read { Outcome::Closed } else { outcome }
    }

    /// Takes what a screen reader wants, if it wants it of this window.
    pub(super) fn accessibility(&mut self, event: &accesskit_winit::Event) {
        if self.window.id() == event.window_id {
            self.window.take_accessibility(event.window_event.clone());
        }
    }

    /// When to be woken.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.window.deadline()
    }

    /// The time has passed until `now`.
    pub(super) fn wake(&mut self, now: Instant) {
        self.window.wake(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::samples;
    use crate::ui::stage::{Stage, key};
    use egui::Theme;
    use egui::accesskit::Role;

    #[test]
    fn a_diagnosis_fits_into_its_box() {
        let times = samples::times();
        let snapshot = samples::healthy(times.now);
        for (language, code) in [(Language::Fr, "fr"), (Language::En, "en")] {
            let log = Path::new("/home/élodie/.local/state/passerelle/passerelle.log");
            let diagnosis = Message::diagnosis(language, &snapshot, &times, Some(log));
            let mut stage = Stage::new(Theme::Light, 2.0);
            for _ in 0..3 {
                assert!(!stage.frame(vec![], |ui| diagnosis.show(ui)));
            }
            stage.check_texts();
            stage.write(&format!("diagnosis-{code}-light"));
        }
    }

    #[test]
    fn what_is_longer_than_the_box_is_reached_by_keys() {
        let errors: Vec<_> = (1..60).map(|line| format!("line {line}")).collect();
        let message = Message::settings_errors(Language::En, &errors);
        let mut stage = Stage::new(Theme::Light, 1.0);
        let seen = |stage: &Stage, text: &str| {
            let texts = stage.texts();
            let found = texts.iter().find(|(it, ..)| it == text);
            found.is_some_and(|(_, whole, seen)| seen.expand(1.0).contains_rect(*whole))
        };
        let press = |stage: &mut Stage, wanted: Key| {
            assert!(!stage.frame(vec![key(wanted)], |ui| message.show(ui)));
            for _ in 0..5 {
                assert!(!stage.frame(vec![], |ui| message.show(ui)));
            }
        };
        press(&mut stage, Key::PageUp);
        assert!(seen(&stage, "line 1") && !seen(&stage, "line 59"));
        for _ in 0..10 {
            press(&mut stage, Key::PageDown);
        }
        assert!(!seen(&stage, "line 1") && seen(&stage, "line 59"));
        for _ in 0..10 {
            press(&mut stage, Key::PageUp);
        }
        assert!(seen(&stage, "line 1") && !seen(&stage, "line 59"));
    }

    #[test]
    fn it_tells_the_version_and_is_closed_by_enter_and_by_escape() {
        let log = Path::new("/home/élodie/.local/state/passerelle/passerelle.log");
        for (language, code) in [(Language::Fr, "fr"), (Language::En, "en")] {
            for (theme, look) in [(Theme::Light, "light"), (Theme::Dark, "dark")] {
                let about = Message::about(language, Some(log));
                let mut stage = Stage::new(theme, 2.0);
                for _ in 0..3 {
                    assert!(!stage.frame(vec![], |ui| about.show(ui)));
                }
                stage.check_texts();
                stage.write(&format!("about-{code}-{look}"));
                assert!(stage.read_aloud().contains(env!("CARGO_PKG_VERSION")));
                let close = words::close(language);
                assert_eq!(stage.focused(), Some((Role::Button, close)));
                assert!(stage.frame(vec![key(Key::Enter)], |ui| about.show(ui)));
                assert!(stage.frame(vec![key(Key::Escape)], |ui| about.show(ui)));
            }
        }
    }
}
