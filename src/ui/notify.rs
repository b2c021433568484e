//! Notifications: what is told unasked, in words, in the corner of the screen.

mod policy;

use crate::i18n::{self, notify as words};
use crate::model::{Language, Snapshot};
use crate::platform::{self, Notification};
use crate::ui_messages::{News, Notice, Setback, UiEvent, UiHandle};
use policy::Notifier;
use std::time::Instant;

/// Tells the user what is new, if that is wanted.
pub(super) struct Notices {
    language: Language,
    wanted: bool,
    ui: UiHandle,
    notifier: Notifier,
    corner: platform::Notifications,
}

impl Notices {
    pub(super) fn new(language: Language, wanted: bool, ui: UiHandle) -> Self {
        Self {
            language,
            wanted,
            ui,
            notifier: Notifier::default(),
            corner: platform::Notifications::default(),
        }
    }

    /// From now on, tells it or does not.
    pub(super) fn want(&mut self, wanted: bool) {
        self.wanted = wanted;
    }

    /// Tells what is new.
    pub(super) fn follow(&mut self, snapshot: &Snapshot, now: Instant) {
        for notice in self.notifier.follow(snapshot, now) {
            tracing::info!(tunnel = %notice.tunnel, news = ?notice.news, "news");
            if let Some(said) = say(self.language, &notice, snapshot)
                && self.wanted
            {
                let ui = self.ui.clone();
                let clicked = move || ui.tell(UiEvent::NoticeClicked(notice.clone()));
                self.corner.show(Notification {
                    title: said.title,
                    text: said.text,
                    clicked: Box::new(clicked),
                    // The icon tells it, too.
                    refused: Box::new(|| {}),
                });
            }
        }
    }

    /// Tells why a wish is not done; leaves it to [`UiEvent::Untold`] where it cannot.
    pub(super) fn explain(&mut self, setback: Setback) {
        let ui = self.ui.clone();
        let (title, text) = (setback.title(self.language), setback.why().to_owned());
        let refused = move || ui.tell(UiEvent::Untold(setback.clone()));
        if !self.wanted {
            return refused();
        }
        self.corner.show(Notification {
            title,
            text,
            clicked: Box::new(|| {}),
            refused: Box::new(refused),
        });
    }

    /// When to follow again, though nothing happens.
    pub(super) fn due(&self) -> Option<Instant> {
        self.notifier.due()
    }
}

/// A notification in words.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Said {
    title: String,
    text: String,
}

/// The notice in words, as things are in `snapshot`. `None`: its tunnel is gone.
fn say(l: Language, notice: &Notice, snapshot: &Snapshot) -> Option<Said> {
    let view = snapshot.tunnel(&notice.tunnel)?;
    let name = view.id().as_str();
    let fault = |otherwise: String| {
        let fault = view.fault.as_ref();
        fault.map_or(otherwise, |fault| i18n::fault(l, fault).message)
    };
    let (title, text) = match notice.news {
        News::Lost => (words::lost(l, name), fault(words::tries_on(l))),
        News::Back => (words::back(l, name), i18n::phase(l, view.phase)),
        News::NeedsYou => {
            let text = match &view.question {
                Some(question) => i18n::question(l, &question.kind),
                None => fault(i18n::phase(l, view.phase)),
            };
            (words::needs_you(l, name), text)
        }
    };
    Some(Said { title, text })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::samples::host_key_question;
    use crate::model::{Fault, Phase};
    use crate::ui::samples;

    #[test]
    fn news_are_told_in_both_languages() {
        let mut snapshot = samples::in_phases([Phase::Waiting, Phase::Healthy, Phase::Blocked]);
        let server = "maintenance@serveurproduction:722".to_owned();
        snapshot.tunnels[0].fault = Some(Fault::KeepaliveTimeout { server });
        snapshot.tunnels[2].question = Some(host_key_question(7));
        let told = |language, tunnel: usize, news| {
            let tunnel = snapshot.tunnels[tunnel].id().clone();
            let said = say(language, &Notice { tunnel, news }, &snapshot).unwrap();
            format!("{} | {}", said.title, said.text)
        };
        let french = |tunnel, news| told(Language::Fr, tunnel, news);
        let english = |tunnel, news| told(Language::En, tunnel, news);
        assert!(french(0, News::Lost).starts_with("One\u{a0}: connexion perdue | Le serveur"));
        assert!(english(0, News::Lost).starts_with("One: connection lost | The server"));
        assert_eq!(
            french(1, News::Back),
            "Two\u{a0}: connexion rétablie | tout fonctionne"
        );
        assert_eq!(
            english(1, News::Back),
            "Two: connection restored | everything works"
        );
        assert!(french(2, News::NeedsYou).starts_with("Three vous attend | Est-ce bien"));
        assert!(english(2, News::NeedsYou).starts_with("Three waits for you | Is this"));
    }
}
