//! The questions that stand, as dialogs: one after the other, and gone when they are answered, here or
//! elsewhere.

mod field;
mod form;
#[cfg(test)]
mod tests;
mod view;

use super::window::{DialogHost, DialogWindow, Outcome, WindowError};
use crate::clock::WallClock;
use crate::i18n::{dialog as words, tray};
use crate::model::{
    Answer, Command, Language, Question, QuestionId, Snapshot, TunnelId, TunnelView,
};
use crate::platform::{self, KeyringName};
use egui_winit::accesskit_winit;
use form::{Form, Setting};
use std::collections::BTreeSet;
use std::time::Instant;
use winit::event::WindowEvent;
use winit::event_loop::ActiveEventLoop;
use winit::window::WindowId;

/// The dialogs of the standing questions.
pub(super) struct Prompts {
    language: Language,
    /// What to say of keeping a secret, where one can be kept.
    remember: Option<String>,
    host: DialogHost,
    shown: Option<Shown>,
    /// Those that are not to be shown again while they stand: they were answered a moment ago, or
    /// the system has no window for them.
    settled: BTreeSet<QuestionId>,
}

/// The question in front.
struct Shown {
    tunnel: TunnelId,
    question: QuestionId,
    setting: Setting,
    form: Form,
    window: DialogWindow,
}

impl Prompts {
    /// `keyring`: what is typed can be kept beyond this run.
    pub(super) fn new(language: Language, keyring: bool, host: DialogHost) -> Self {
        let remember = match platform::KEYRING {
            KeyringName::CredentialManager => words::remember_in_credential_manager(language),
            KeyringName::SecretService => words::remember_in_keyring(language),
        };
        Self {
            language,
            remember: keyring.then_some(remember),
            host,
            shown: None,
            settled: BTreeSet::new(),
        }
    }

    /// Shows the oldest question that stands, and takes back what stands no more: what was typed is
    /// wiped with its window. Returns the tunnel whose question was taken back.
    pub(super) fn follow(
        &mut self,
        snapshot: &Snapshot,
        clock: &WallClock,
        event_loop: &ActiveEventLoop,
    ) -> Option<TunnelId> {
        let standing = standing(snapshot);
        self.settled
            .retain(|settled| standing.iter().any(|(_, question)| question.id == *settled));
        let place = |id| {
            let number = standing.iter().position(|(_, question)| question.id == id);
            number.map(|number| (number + 1, standing.len()))
        };
        let gone = self
            .shown
            .take_if(|shown| match place(shown.question) {
                Some(place) => {
                    shown.move_to(place);
                    false
                }
                None => true,
            })
            .map(|shown| shown.tunnel);
        if self.shown.is_none() {
            let new =
                |(_, question): &&(&TunnelView, &Question)| !self.settled.contains(&question.id);
            if let Some((view, question)) = standing.iter().find(new) {
                self.open(view, question, (1, standing.len()), clock, event_loop);
            }
        }
        gone
    }

    /// Brings that question to the front, whichever is there.
    pub(super) fn raise(
        &mut self,
        wanted: QuestionId,
        snapshot: &Snapshot,
        clock: &WallClock,
        event_loop: &ActiveEventLoop,
    ) {
        match &self.shown {
            Some(shown) if shown.question == wanted => shown.window.raise(),
            Some(_) | None => {
                let standing = standing(snapshot);
                let place = standing
                    .iter()
                    .position(|(_, question)| question.id == wanted);
                if let Some(place) = place {
                    let (view, question) = standing[place];
                    self.shown = None;
                    self.open(
                        view,
                        question,
                        (place + 1, standing.len()),
                        clock,
                        event_loop,
                    );
                }
            }
        }
    }

    /// Takes an event of one of the windows. Returns the answer, when the user gives it.
    pub(super) fn window_event(&mut self, id: WindowId, event: &WindowEvent) -> Option<Command> {
        let shown = self
            .shown
            .as_mut()
            .filter(|shown| shown.window.id() == id)?;
        let answer = shown.take(event)?;
        let command = Command::Answer {
            tunnel: shown.tunnel.clone(),
            question: shown.question,
            answer,
        };
        self.settled.insert(shown.question);
        self.shown = None;
        Some(command)
    }

    /// Takes what a screen reader wants.
    pub(super) fn accessibility(&mut self, event: &accesskit_winit::Event) {
        if let Some(shown) = &mut self.shown
            && shown.window.id() == event.window_id
        {
            shown.window.take_accessibility(event.window_event.clone());
        }
    }

    /// Takes what is shown off the screen.
    pub(super) fn close(&mut self) {
        self.shown = None;
    }

    /// When to be woken.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.shown.as_ref()?.window.deadline()
    }

    /// The time has passed until `now`.
    pub(super) fn wake(&mut self, now: Instant) {
        if let Some(shown) = &mut self.shown {
            shown.window.wake(now);
        }
    }

    fn open(
        &mut self,
        view: &TunnelView,
        question: &Question,
        place: (usize, usize),
        clock: &WallClock,
        event_loop: &ActiveEventLoop,
    ) {
        let setting = Setting {
            language: self.language,
            server: view.settings.server(),
            remember: self.remember.clone(),
            place,
            until: question
                .expires
                .map(|at| tray::near_moment(clock.local(at))),
        };
        match Shown::open(event_loop, &self.host, view.id(), question, setting) {
            Ok(shown) => self.shown = Some(shown),
            Err(error) => {
                tracing::warn!(%error, "a question is not shown");
                self.settled.insert(question.id);
            }
        }
    }
}

impl Shown {
    fn open(
        event_loop: &ActiveEventLoop,
        host: &DialogHost,
        tunnel: &TunnelId,
        question: &Question,
        setting: Setting,
    ) -> Result<Self, WindowError> {
        let mut form = Form::of(question);
        let title = words::window_title(setting.language, tunnel.as_str());
        let window = DialogWindow::open(event_loop, host, &title, |ui| {
            view::show(ui, &setting, &mut form, 0.0);
        })?;
        Ok(Self {
            tunnel: tunnel.clone(),
            question: question.id,
            setting,
            form,
            window,
        })
    }

    fn take(&mut self, event: &WindowEvent) -> Option<Answer> {
        let shown_for = self.window.shown_for();
        let (setting, form) = (&self.setting, &mut self.form);
        let mut answer = None;
        let outcome = self.window.take(event, |ui| {
            // egui may show a frame twice before it is painted.
            let given = view::show(ui, setting, form, shown_for);
            answer = answer.take().or(given);
        });
        match outcome {
            Outcome::Stays => answer,
            Outcome::Closed => Some(Answer::Cancel),
        }
    }

    fn move_to(&mut self, place: (usize, usize)) {
        if self.setting.place != place {
            self.setting.place = place;
            self.window.refresh();
        }
    }
}

/// The questions that stand, the oldest first.
fn standing(snapshot: &Snapshot) -> Vec<(&TunnelView, &Question)> {
    let tunnels = snapshot.tunnels.iter();
    let mut standing: Vec<_> = tunnels
        .filter_map(|view| Some((view, view.question.as_ref()?)))
        .collect();
    standing.sort_by_key(|(_, question)| question.id);
    standing
}
