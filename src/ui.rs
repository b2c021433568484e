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

use crate::model::Language;
use crate::ui_messages::{UiEvent, UiHandle, Wish};
use desktop::Desktop;
use egui_winit::accesskit_winit;
use std::path::PathBuf;
use tokio::sync::mpsc;
use tray_icon::menu::{MenuEvent, MenuId};
use tray_icon::{MouseButton, MouseButtonState, TrayIconEvent};
use winit::error::EventLoopError;
use winit::event_loop::{ControlFlow, EventLoop, EventLoopProxy};

/// What wakes the event loop, besides the windows.
#[derive(Debug)]
enum Wake {
    /// The program tells this.
    Told(UiEvent),
    /// An item of the menu was chosen.
    Chosen(MenuId),
    /// The icon was clicked, in the way that does not open the menu.
    Clicked,
    /// A screen reader wants something of a window.
    Accessibility(accesskit_winit::Event),
}

impl From<accesskit_winit::Event> for Wake {
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

/// The user interface before it runs.
pub struct Ui(EventLoop<Wake>);

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
        handle_to(self.0.create_proxy())
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
        follow_the_tray(&self.0.create_proxy());
        self.0.set_control_flow(ControlFlow::Wait);
        let mut desktop = Desktop::new(manner, wishes, self.0.create_proxy());
        self.0.run_app(&mut desktop)
    }
}

fn handle_to(proxy: EventLoopProxy<Wake>) -> UiHandle {
    UiHandle::new(move |event| wake(&proxy, Wake::Told(event)))
}

/// Wakes the event loop. Once that has ended, nobody hears it.
fn wake(proxy: &EventLoopProxy<Wake>, event: Wake) {
    let _ = proxy.send_event(event);
}

/// Its events arrive on threads of its own.
fn follow_the_tray(proxy: &EventLoopProxy<Wake>) {
    let chosen = proxy.clone();
    MenuEvent::set_event_handler(Some(move |event: MenuEvent| {
        wake(&chosen, Wake::Chosen(event.id));
    }));
    let clicked = proxy.clone();
    TrayIconEvent::set_event_handler(Some(move |event| {
        if asks_for_the_main_thing(&event) {
            wake(&clicked, Wake::Clicked);
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
