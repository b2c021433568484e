//! What is seen on the desktop: the icon, its menu and the questions' windows.
//!
//! It owns the main thread, where every desktop wants it. What is true comes in as [`UiEvent`], what
//! the user wants goes out as [`Wish`]; it sees the engine no more than that. Between two events it
//! sleeps: there is a timer only where something on the screen is due to change.

mod clipboard;
mod desktop;
mod diagnosis;
mod icon;
mod menu;
mod message;
mod notify;
mod prompt;
mod pulse;
mod raster;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod stage;
mod status;
mod theme;
mod tooltip;
mod tray;
mod widgets;
mod window;

use crate::i18n;
use crate::model::{Command, ForwardId, Language, Snapshot};
use crate::platform::Autostart;
use desktop::Desktop;
use egui_winit::accesskit_winit;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::mpsc;
use tray_icon::menu::{MenuEvent, MenuId};
use tray_icon::{MouseButton, MouseButtonState, TrayIconEvent};
use winit::error::EventLoopError;
use winit::event_loop::{ControlFlow, EventLoop, EventLoopProxy};

pub use notify::{News, Notice};

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
    fn title(&self, language: Language) -> String {
        match self {
            Self::Failed(_) => i18n::notify::not_done(language),
            Self::NotYet(_) => i18n::notify::not_yet(language),
        }
    }

    fn why(&self) -> &str {
        match self {
            Self::Failed(why) | Self::NotYet(why) => why,
        }
    }
}

/// What wakes the event loop, besides the windows.
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
    /// An item of the menu was chosen.
    Chosen(MenuId),
    /// The icon was clicked, in the way that does not open the menu.
    Clicked,
    /// A screen reader wants something of a window.
    Accessibility(accesskit_winit::Event),
    /// Everything else has ended: end too, but first say why, if it should not have.
    Ended(Option<String>),
}

impl From<accesskit_winit::Event> for UiEvent {
    fn from(event: accesskit_winit::Event) -> Self {
        Self::Accessibility(event)
    }
}

/// What it has to know before it shows anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manner {
    /// The language to speak.
    pub language: Language,
    /// What the user types into a dialog can be kept in the system's keyring.
    pub keyring: bool,
    /// Where the log is, to be told; `None` in the demonstration, which has no files of the user's.
    pub log: Option<PathBuf>,
    /// Notifications are wanted.
    pub notifications: bool,
}

/// The way in, from any thread.
#[derive(Debug, Clone)]
pub struct UiHandle(EventLoopProxy<UiEvent>);

impl UiHandle {
    /// Tells it. Once it has ended, nobody hears it.
    pub fn tell(&self, event: UiEvent) {
        let _ = self.0.send_event(event);
    }
}

/// The user interface before it runs.
pub struct Ui(EventLoop<UiEvent>);

impl Ui {
    /// Connects to the display.
    ///
    /// # Errors
    /// When there is none.
    pub fn new() -> Result<Self, EventLoopError> {
        EventLoop::with_user_event().build().map(Self)
    }

    /// The way in.
    #[must_use]
    pub fn handle(&self) -> UiHandle {
        UiHandle(self.0.create_proxy())
    }

    /// Runs on this thread until [`UiEvent::Ended`]; then nothing of it is left on the screen.
    ///
    /// # Errors
    /// When the display is lost.
    pub fn run(
        self,
        manner: Manner,
        wishes: mpsc::UnboundedSender<Wish>,
    ) -> Result<(), EventLoopError> {
        follow_the_tray(&self.handle());
        self.0.set_control_flow(ControlFlow::Wait);
        let mut desktop = Desktop::new(manner, wishes, self.0.create_proxy());
        self.0.run_app(&mut desktop)
    }
}

/// Its events arrive on threads of its own.
fn follow_the_tray(ui: &UiHandle) {
    let chosen = ui.clone();
    MenuEvent::set_event_handler(Some(move |event: MenuEvent| {
        chosen.tell(UiEvent::Chosen(event.id));
    }));
    let clicked = ui.clone();
    TrayIconEvent::set_event_handler(Some(move |event| {
        if asks_for_the_main_thing(&event) {
            clicked.tell(UiEvent::Clicked);
        }
    }));
}

/// Windows opens the menu by a single click already.
fn asks_for_the_main_thing(event: &TrayIconEvent) -> bool {
    if cfg!(windows) {
        matches!(
            event,
            TrayIconEvent::DoubleClick {
                button: MouseButton::Left,
                ..
            }
        )
    } else {
        matches!(
            event,
            TrayIconEvent::Click {
                button: MouseButton::Left,
                button_state: MouseButtonState::Up,
                ..
            }
        )
    }
}
