//! What is on the screen, and why: takes what happened, and shows what is true.

use super::clipboard::Clipboard;
use super::icon::Look;
use super::menu::{self, Choice, Surroundings};
use super::message::{Message, MessageBox};
use super::notify::Notices;
use super::prompt::Prompts;
use super::pulse::Pulse;
use super::status::Times;
use super::tray::{Tray, View};
use super::window::{DialogHost, Outcome};
use super::{Manner, Wake, handle_to, tooltip};
use crate::clock::WallClock;
use crate::i18n::tray as words;
use crate::model::{Fault, Language, QuestionId, Snapshot};
use crate::platform::{self, Autostart};
use crate::ui_messages::{News, Notice, UiEvent, Wish};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tray_icon::menu::MenuId;
use winit::application::ApplicationHandler;
use winit::event::{StartCause, WindowEvent};
use winit::event_loop::{ActiveEventLoop, ControlFlow, EventLoopProxy};
use winit::window::WindowId;

/// How soon the system is offered again what it did not take: at log-on, the taskbar may come later.
const RETRY: Duration = Duration::from_secs(5);

/// What is on the screen, and why.
pub(super) struct Desktop {
    language: Language,
    wishes: mpsc::UnboundedSender<Wish>,
    snapshot: Arc<Snapshot>,
    autostart: Autostart,
    clock: WallClock,
    icon: IconState,
    pulse: Pulse,
    /// When to offer the system again what it did not take.
    retry: Option<Instant>,
    prompts: Prompts,
    message: Option<MessageBox>,
    /// Nothing is left to be done but to read the message.
    ending: bool,
    notices: Notices,
    log: Option<PathBuf>,
    host: DialogHost,
}

enum IconState {
    /// Nothing to show yet.
    Pending,
    Shown(Box<Tray>),
    /// The system takes no icon.
    Impossible,
}

impl Desktop {
    pub(super) fn new(
        manner: Manner,
        wishes: mpsc::UnboundedSender<Wish>,
        proxy: EventLoopProxy<Wake>,
    ) -> Self {
        let ui = handle_to(proxy.clone());
        let host = DialogHost {
            proxy,
            clipboard: Clipboard::default(),
        };
        Self {
            language: manner.language,
            wishes,
            snapshot: Arc::default(),
            autostart: Autostart::Fixed(false),
            clock: WallClock::now(),
            icon: IconState::Pending,
            pulse: Pulse::default(),
            retry: None,
            prompts: Prompts::new(manner.language, manner.keyring, host.clone()),
            message: None,
            ending: false,
            notices: Notices::new(manner.language, manner.notifications, ui),
            log: manner.log,
            host,
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
            has_files: self.log.is_some(),
        };
        let view = View {
            look,
            frame,
            tooltip: tooltip::tooltip(self.language, &self.snapshot, &times),
            menu: menu::menu(&self.snapshot, &with),
        };
        match &mut self.icon {
            IconState::Pending => self.icon = self.create_icon(view),
            IconState::Shown(tray) => {
                if tray.show(view.clone()) {
                    self.retry = None;
                } else if *self.retry.get_or_insert(now + RETRY) <= now {
                    // What is not taken all that time was never put there.
                    self.icon = self.create_icon(view);
                    self.retry = None;
                }
            }
            IconState::Impossible => {}
        }
    }

    fn create_icon(&self, view: View) -> IconState {
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
            Some(Choice::Copy(text)) => self.host.clipboard.copy(text),
            Some(Choice::Answer(question)) => self.raise(question, event_loop),
            Some(Choice::Explain(tunnel)) => {
                if let Some(view) = self.snapshot.tunnel(&tunnel) {
                    self.say(
                        Message::explain(self.language, view, self.log.as_deref()),
                        event_loop,
                    );
                }
            }
            Some(Choice::ExplainSettings) => {
                let errors = &self.snapshot.settings_errors;
                self.say(Message::settings_errors(self.language, errors), event_loop);
            }
            Some(Choice::Diagnose) => {
                let log = self.log.as_deref();
                let diagnosis =
                    Message::diagnosis(self.language, &self.snapshot, &self.times(), log);
                self.say(diagnosis, event_loop);
            }
            Some(Choice::About) => {
                self.say(
                    Message::about(self.language, self.log.as_deref()),
                    event_loop,
                );
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

    fn times(&self) -> Times {
        Times {
            clock: self.clock,
            now: Instant::now(),
        }
    }

    /// Somebody started Passerelle once more.
    fn show(&mut self, event_loop: &ActiveEventLoop) {
        let mut tunnels = self.snapshot.tunnels.iter();
        if let Some(question) = tunnels.find_map(|view| view.question.as_ref()) {
            let question = question.id;
            self.raise(question, event_loop);
        } else {
            let overview = Message::overview(self.language, &self.snapshot, &self.times());
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

    /// Shows what is asked. A dialog that closes by itself, because the server waits no more, is
    /// followed by the reason.
    fn follow_questions(&mut self, event_loop: &ActiveEventLoop) {
        let gone = self.prompts.follow(&self.snapshot, &self.clock, event_loop);
        let view = gone.and_then(|tunnel| self.snapshot.tunnel(&tunnel));
        let lapsed = view.filter(|view| {
            let fault = view.fault.as_ref();
            view.question.is_none() && fault.is_some_and(Fault::is_lapsed_question)
        });
        if let Some(view) = lapsed {
            let explanation = Message::explain(self.language, view, self.log.as_deref());
            self.say(explanation, event_loop);
        }
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
                let explanation = Message::explain(self.language, view, self.log.as_deref());
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
        self.message = MessageBox::open(event_loop, &self.host, message)
            .inspect_err(|error| tracing::warn!(%error, "a box is not shown"))
            .ok();
    }

    /// Takes everything from the screen; what should not have happened stays there until it is read.
    fn end(&mut self, failure: Option<String>, event_loop: &ActiveEventLoop) {
        self.icon = IconState::Impossible;
        self.retry = None;
        self.prompts.close();
        self.message = None;
        self.ending = true;
        let shown = |why: &String| platform::show_error(words::passerelle(), why);
        if let Some(why) = failure.filter(|why| !shown(why)) {
            self.say(
                Message::fatal(self.language, &why, self.log.as_deref()),
                event_loop,
            );
        }
        if self.message.is_none() {
            event_loop.exit();
        }
    }

    fn told(&mut self, event: UiEvent, event_loop: &ActiveEventLoop) {
        match event {
            UiEvent::Snapshot(snapshot) => {
                self.snapshot = snapshot;
                self.refresh();
                self.follow_questions(event_loop);
                self.notices.follow(&self.snapshot, Instant::now());
            }
            UiEvent::Autostart(autostart) => {
                self.autostart = autostart;
                self.refresh();
            }
            UiEvent::Setback(setback) => self.notices.explain(setback),
            UiEvent::Untold(setback) => {
                let told = Message::setback(self.language, &setback, self.log.as_deref());
                self.say(told, event_loop);
            }
            UiEvent::NoticeClicked(notice) => self.look_into(&notice, event_loop),
            UiEvent::Notifications(wanted) => self.notices.want(wanted),
            UiEvent::Show => self.show(event_loop),
            UiEvent::Ended(failure) => self.end(failure, event_loop),
        }
    }
}

impl ApplicationHandler<Wake> for Desktop {
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

    fn user_event(&mut self, event_loop: &ActiveEventLoop, event: Wake) {
        match event {
            Wake::Told(event) => self.told(event, event_loop),
            Wake::Chosen(item) => self.chosen(&item, event_loop),
            Wake::Clicked => self.clicked(event_loop),
            Wake::Accessibility(event) => {
                self.prompts.accessibility(&event);
                if let Some(message) = &mut self.message {
                    message.accessibility(&event);
                }
            }
        }
    }

    fn window_event(&mut self, event_loop: &ActiveEventLoop, id: WindowId, event: WindowEvent) {
        if let Some(answer) = self.prompts.window_event(id, &event) {
            self.wish(Wish::Command(answer));
            self.follow_questions(event_loop);
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
            self.retry,
            self.prompts.deadline(),
            self.message.as_ref().and_then(MessageBox::deadline),
            self.notices.due(),
            self.clock.next_midnight(Instant::now()),
        ];
        event_loop.set_control_flow(match deadlines.into_iter().flatten().min() {
            Some(at) => ControlFlow::WaitUntil(at),
            None => ControlFlow::Wait,
        });
    }
}
