//! What is seen on the desktop: the icon, its menu and the questions' windows.
//!
//! It owns the main thread, where every desktop wants it. What is true comes in as [`UiEvent`], what
//! the user wants goes out as [`Wish`]; it sees the engine no more than that. Between two events it
//! sleeps: there is a timer only where something on the screen moves.

mod icon;
mod menu;
mod message;
mod notify;
mod prompt;
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

use crate::clock::WallClock;
use crate::i18n::tray as words;
use crate::model::{Command, ForwardId, Language, QuestionId, Snapshot};
use crate::platform::{self, Autostart};
use arboard::Clipboard;
use egui_winit::accesskit_winit;
use icon::Look;
use menu::{Choice, Surroundings};
use message::{Message, MessageBox};
use notify::Notices;
use prompt::Prompts;
use status::Times;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tray::{Tray, View};
use tray_icon::menu::{MenuEvent, MenuId};
use tray_icon::{MouseButton, MouseButtonState, TrayIconEvent};
use window::Outcome;
use winit::application::ApplicationHandler;
use winit::error::EventLoopError;
use winit::event::{StartCause, WindowEvent};
use winit::event_loop::{ActiveEventLoop, ControlFlow, EventLoop, EventLoopProxy};
use winit::window::WindowId;

/// How long each drawing of a dial under way is shown.
const PULSE: Duration = Duration::from_millis(800);

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

/// What wakes the event loop, besides the windows.
#[derive(Debug)]
pub enum UiEvent {
    /// This is true now.
    Snapshot(Arc<Snapshot>),
    /// Whether Passerelle starts at log-on.
    Autostart(Autostart),
    /// What the user wished for cannot be done, or not yet: why, in words.
    Failed(String),
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
    /// Where the log is, to be told.
    pub log: PathBuf,
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

/// What is on the screen, and why.
struct Desktop {
    language: Language,
    wishes: mpsc::UnboundedSender<Wish>,
    snapshot: Arc<Snapshot>,
    autostart: Autostart,
    clock: WallClock,
    icon: IconState,
    pulse: Pulse,
    prompts: Prompts,
    message: Option<MessageBox>,
    /// Nothing is left to be done but to read the message.
    ending: bool,
    notices: Notices,
    log: PathBuf,
    proxy: EventLoopProxy<UiEvent>,
    /// Kept as long as we run: X11 asks us for the text when somebody pastes it.
    clipboard: Option<Clipboard>,
}

enum IconState {
    /// Nothing to show yet.
    Unborn,
    Shown(Box<Tray>),
    /// The system takes no icon.
    Impossible,
}

/// Which drawing of a dial under way is shown, and until when.
#[derive(Debug, Default)]
struct Pulse {
    frame: usize,
    next: Option<Instant>,
}

impl Desktop {
    fn new(
        manner: Manner,
        wishes: mpsc::UnboundedSender<Wish>,
        proxy: EventLoopProxy<UiEvent>,
    ) -> Self {
        let ui = UiHandle(proxy.clone());
        Self {
            language: manner.language,
            wishes,
            snapshot: Arc::default(),
            autostart: Autostart::Fixed(false),
            clock: WallClock::now(),
            icon: IconState::Unborn,
            pulse: Pulse::default(),
            prompts: Prompts::new(manner.language, manner.keyring, proxy.clone()),
            message: None,
            ending: false,
            notices: Notices::new(manner.language, manner.notifications, ui),
            log: manner.log,
            proxy,
            clipboard: None,
        }
    }

    /// Shows what is true.
    fn refresh(&mut self) {
        let now = Instant::now();
        self.clock.keep_right(WallClock::now());
        let look = Look::of(&self.snapshot);
        let frame = self.pulse.follow(look.frames(), now);
        let times = Times {
            clock: self.clock,
            now,
        };
        let with = Surroundings {
            language: self.language,
            times,
            autostart: self.autostart,
        };
        let view = View {
            look,
            frame,
            tooltip: tooltip::tooltip(self.language, &self.snapshot, &times),
            menu: menu::menu(&self.snapshot, &with),
        };
        match &mut self.icon {
            IconState::Unborn => self.icon = self.bear(view),
            IconState::Shown(tray) => tray.show(view),
            IconState::Impossible => {}
        }
    }

    fn bear(&self, view: View) -> IconState {
        match Tray::new(view) {
            Ok(tray) => IconState::Shown(Box::new(tray)),
            Err(error) => {
                tracing::warn!(%error, "no icon");
                let complaint = words::no_icon(self.language, &error.to_string());
                // Where nobody reads, the log has it.
                let _ = writeln!(std::io::stderr(), "{complaint}");
                IconState::Impossible
            }
        }
    }

    fn chosen(&mut self, item: &MenuId, event_loop: &ActiveEventLoop) {
        let IconState::Shown(tray) = &self.icon else {
            return;
        };
        match tray.choice(item) {
            Some(Choice::Wish(wish)) => {
                self.ask_first(&wish, event_loop);
                self.wish(wish);
            }
            Some(Choice::Copy(text)) => self.copy(text),
            Some(Choice::Answer(question)) => self.raise(question, event_loop),
            Some(Choice::Explain(tunnel)) => {
                if let Some(view) = self.snapshot.tunnel(&tunnel) {
                    self.say(Message::explain(self.language, view, &self.log), event_loop);
                }
            }
            Some(Choice::ExplainSettings) => {
                let errors = &self.snapshot.settings_errors;
                self.say(Message::settings_errors(self.language, errors), event_loop);
            }
            Some(Choice::About) => {
                self.say(Message::about(self.language, &self.log), event_loop);
            }
            None => {}
        }
    }

    /// A click on the icon itself.
    fn clicked(&mut self, event_loop: &ActiveEventLoop) {
        let mut tunnels = self.snapshot.tunnels.iter();
        if let Some(forward) = tunnels.find_map(|view| view.primary()) {
            let open = Wish::Open(forward.id().clone());
            self.ask_first(&open, event_loop);
            self.wish(open);
        }
    }

    /// Somebody started Passerelle once more.
    fn show(&mut self, event_loop: &ActiveEventLoop) {
        let mut tunnels = self.snapshot.tunnels.iter();
        if let Some(question) = tunnels.find_map(|view| view.question.as_ref()) {
            let question = question.id;
            self.raise(question, event_loop);
        } else {
            let times = Times {
                clock: self.clock,
                now: Instant::now(),
            };
            let overview = Message::overview(self.language, &self.snapshot, &times);
            self.say(overview, event_loop);
        }
    }

    /// A service that is to be opened may wait for an answer.
    fn ask_first(&mut self, wish: &Wish, event_loop: &ActiveEventLoop) {
        if let Wish::Open(forward) = wish {
            let view = self.snapshot.tunnel(&forward.tunnel);
            if let Some(question) = view.and_then(|view| view.question.as_ref()) {
                let question = question.id;
                self.raise(question, event_loop);
            }
        }
    }

    fn raise(&mut self, question: QuestionId, event_loop: &ActiveEventLoop) {
        self.prompts
            .raise(question, &self.snapshot, &self.clock, event_loop);
    }

    fn wish(&self, wish: Wish) {
        // Whoever would hear it has ended, and tells us so.
        let _ = self.wishes.send(wish);
    }

    /// A click on a notification: to what it is about, as things are now.
    fn look_into(&mut self, notice: &Notice, event_loop: &ActiveEventLoop) {
        let snapshot = Arc::clone(&self.snapshot);
        let Some(view) = snapshot.tunnel(&notice.tunnel) else {
            return;
        };
        if let Some(question) = &view.question {
            self.raise(question.id, event_loop);
            return;
        }
        match notice.news {
            News::Back => {
                if let Some(forward) = view.primary() {
                    self.wish(Wish::Open(forward.id().clone()));
                }
            }
            News::Lost | News::NeedsYou => {
                let explanation = Message::explain(self.language, view, &self.log);
                self.say(explanation, event_loop);
            }
        }
    }

    /// Says it in a box, instead of what the last one said.
    fn say(&mut self, message: Message, event_loop: &ActiveEventLoop) {
        if let Some(shown) = &self.message
            && shown.says(&message)
        {
            shown.raise();
            return;
        }
        self.message = MessageBox::open(event_loop, self.proxy.clone(), message)
            .inspect_err(|error| tracing::warn!(%error, "a box is not shown"))
            .ok();
    }

    /// Takes everything from the screen; what should not have happened stays there until it is read.
    fn end(&mut self, failure: Option<String>, event_loop: &ActiveEventLoop) {
        self.icon = IconState::Impossible;
        self.prompts.close();
        self.message = None;
        self.ending = true;
        let shown = |why: &String| platform::show_error(words::passerelle(), why);
        if let Some(why) = failure.filter(|why| !shown(why)) {
            self.say(Message::fatal(self.language, &why, &self.log), event_loop);
        }
        if self.message.is_none() {
            event_loop.exit();
        }
    }

    fn copy(&mut self, text: String) {
        if self.clipboard.is_none() {
            self.clipboard = Clipboard::new()
                .inspect_err(|error| tracing::warn!(%error, "no clipboard"))
                .ok();
        }
        if let Some(clipboard) = &mut self.clipboard
            && let Err(error) = clipboard.set_text(text)
        {
            tracing::warn!(%error, "the clipboard does not take it");
        }
    }
}

impl ApplicationHandler<UiEvent> for Desktop {
    fn resumed(&mut self, _: &ActiveEventLoop) {}

    fn new_events(&mut self, _: &ActiveEventLoop, cause: StartCause) {
        if matches!(cause, StartCause::ResumeTimeReached { .. }) {
            self.refresh();
            let now = Instant::now();
            self.prompts.wake(now);
            if let Some(message) = &mut self.message {
                message.wake(now);
            }
            self.notices.follow(&self.snapshot, now);
        }
    }

    fn user_event(&mut self, event_loop: &ActiveEventLoop, event: UiEvent) {
        match event {
            UiEvent::Snapshot(snapshot) => {
                self.snapshot = snapshot;
                self.refresh();
                self.prompts.follow(&self.snapshot, &self.clock, event_loop);
                self.notices.follow(&self.snapshot, Instant::now());
            }
            UiEvent::Autostart(autostart) => {
                self.autostart = autostart;
                self.refresh();
            }
            UiEvent::Chosen(item) => self.chosen(&item, event_loop),
            UiEvent::Clicked => self.clicked(event_loop),
            UiEvent::Failed(why) => {
                if !self.notices.explain(&why) {
                    let failure = Message::failure(self.language, why, &self.log);
                    self.say(failure, event_loop);
                }
            }
            UiEvent::NoticeClicked(notice) => self.look_into(&notice, event_loop),
            UiEvent::Notifications(wanted) => self.notices.want(wanted),
            UiEvent::Show => self.show(event_loop),
            UiEvent::Accessibility(event) => {
                self.prompts.accessibility(&event);
                if let Some(message) = &mut self.message {
                    message.accessibility(&event);
                }
            }
            UiEvent::Ended(failure) => self.end(failure, event_loop),
        }
    }

    fn window_event(&mut self, event_loop: &ActiveEventLoop, id: WindowId, event: WindowEvent) {
        if let Some(answer) = self.prompts.window_event(id, &event) {
            self.wish(Wish::Command(answer));
            self.prompts.follow(&self.snapshot, &self.clock, event_loop);
        }
        let message = self.message.as_mut();
        if message.is_some_and(|message| message.window_event(id, &event) == Outcome::Closed) {
            self.message = None;
            if self.ending {
                event_loop.exit();
            }
        }
    }

    fn exiting(&mut self, _: &ActiveEventLoop) {
        self.prompts.close();
        self.message = None;
    }

    fn about_to_wait(&mut self, event_loop: &ActiveEventLoop) {
        let deadlines = [
            self.pulse.next,
            self.prompts.deadline(),
            self.message.as_ref().and_then(MessageBox::deadline),
            self.notices.due(),
        ];
        event_loop.set_control_flow(match deadlines.into_iter().flatten().min() {
            Some(at) => ControlFlow::WaitUntil(at),
            None => ControlFlow::Wait,
        });
    }
}

impl Pulse {
    /// The drawing to show now, out of so many.
    fn follow(&mut self, frames: usize, now: Instant) -> usize {
        if frames < 2 {
            *self = Self::default();
        } else if self.next.is_none_or(|next| next <= now) {
            self.frame = match self.next {
                Some(_) => (self.frame + 1) % frames,
                None => 0,
            };
            self.next = Some(now + PULSE);
        }
        self.frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_icon_moves_only_while_it_has_two_drawings() {
        let start = Instant::now();
        let mut pulse = Pulse::default();
        assert_eq!(pulse.follow(1, start), 0);
        assert_eq!(pulse.next, None);
        assert_eq!(pulse.follow(2, start), 0);
        assert_eq!(pulse.follow(2, start + PULSE / 2), 0);
        assert_eq!(pulse.follow(2, start + PULSE), 1);
        assert_eq!(pulse.next, Some(start + 2 * PULSE));
        assert_eq!(pulse.follow(2, start + 2 * PULSE), 0);
        assert_eq!(pulse.follow(1, start + 2 * PULSE), 0);
        assert_eq!(pulse.next, None);
    }
}
