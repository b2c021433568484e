//! What passes between the running program and what its user sees: what is true as [`UiEvent`], what the
//! user wants as [`Wish`].
//!
//! No toolkit is in it: the program without an icon is built without one.

use crate::i18n;
use crate::model::{Command, ForwardId, Language, Snapshot, TunnelId};
use crate::platform::Autostart;
use std::fmt;
use std::sync::Arc;

/// What the user wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Something of the tunnels.
    Command(Command),
    /// That service in the browser, as soon as it works.
    Open(ForwardId),
    /// The log.
    OpenLog,
    /// The configuration, to change it.
    EditConfiguration,
    /// To have Passerelle started at log-on, or not.
    SetAutostart(bool),
}

/// Why what the user wished for is not done, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setback {
    /// It cannot be done.
    Failed(String),
    /// It is done as soon as it can be.
    NotYet(String),
}

impl Setback {
    /// What it is about.
    #[must_use]
    pub fn title(&self, language: Language) -> String {
        match self {
            Self::Failed(_) => i18n::notify::not_done(language),
            Self::NotYet(_) => i18n::notify::not_yet(language),
        }
    }

    /// The words.
    #[must_use]
    pub fn why(&self) -> &str {
        match self {
            Self::Failed(why) | Self::NotYet(why) => why,
        }
    }
}

/// Something to tell unasked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Of which tunnel.
    pub tunnel: TunnelId,
    /// What is told of it.
    pub news: News,
}

/// What is told of a tunnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum News {
    /// Its connection is lost.
    Lost,
    /// Its connection is back.
    Back,
    /// It waits for the user.
    NeedsYou,
}

/// What the user interface is told.
#[derive(Debug)]
pub enum UiEvent {
    /// This is true now.
    Snapshot(Arc<Snapshot>),
    /// Whether Passerelle starts at log-on.
    Autostart(Autostart),
    /// What the user wished for is not done.
    Setback(Setback),
    /// No notification told it: to be said in a box.
    Untold(Setback),
    /// The user clicked a notification.
    NoticeClicked(Notice),
    /// Whether notifications are wanted, from now on.
    Notifications(bool),
    /// Somebody started Passerelle once more: show that it is there.
    Show,
    /// Everything else has ended: end too, but first say why, if it should not have.
    Ended(Option<String>),
}

/// The way in, from any thread.
#[derive(Clone)]
pub struct UiHandle(Arc<dyn Fn(UiEvent) + Send + Sync>);

impl UiHandle {
    /// The way to what `tell` tells.
    #[must_use]
    pub fn new(tell: impl Fn(UiEvent) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// Tells it. Once it has ended, nobody hears it.
    pub fn tell(&self, event: UiEvent) {
        (self.0)(event);
    }
}

impl fmt::Debug for UiHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UiHandle")
    }
}
