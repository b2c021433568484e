//! Decides, for all tunnels, what to do next. Pure: no clock, no socket, no await.
//!
//! [`Supervisor::handle`] takes one [`Input`]; [`Supervisor::poll_action`] gives what is to be done;
//! [`Supervisor::poll_timeout`] says when [`Supervisor::handle_timeout`] wants to be called.

mod backoff;
mod forward;
mod state;
mod suspects;
#[cfg(test)]
mod tests;
mod tunnel;

use crate::model::{
    Attempt, Command, ForwardId, ForwardSettings, Input, PresentedKey, RemoteTarget, Secret,
    Settings, Snapshot, TunnelId, TunnelSettings,
};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;
use tunnel::{Context, Tunnel};

/// All tunnels, what is wanted of them and what is true of them.
#[derive(Debug)]
pub struct Supervisor {
    tunnels: Vec<Tunnel>,
    settings_errors: Arc<[String]>,
    quitting: bool,
    actions: VecDeque<Action>,
    last_attempt: u64,
    last_question: u64,
    rng: fastrand::Rng,
}

impl Supervisor {
    /// The supervisor of these tunnels. Those with `autostart` are wanted up at once. `seed` is for
    /// the jitter of retries alone.
    #[must_use]
    pub fn new(settings: &Settings, seed: u64, now: Instant) -> Self {
        let mut new = Self {
            tunnels: Vec::new(),
            settings_errors: Arc::default(),
            quitting: false,
            actions: VecDeque::new(),
            last_attempt: 0,
            last_question: 0,
            rng: fastrand::Rng::with_seed(seed),
        };
        new.configure(settings, now);
        new.settle(now);
        new
    }

    /// Takes one input, and does what is due at `now`.
    pub fn handle(&mut self, input: Input, now: Instant) {
        match input {
            Input::Command(command) => self.command(command, now),
            Input::Settings(settings) => {
                self.settings_errors = Arc::default();
                if !self.quitting {
                    self.configure(&settings, now);
                }
            }
            Input::SettingsRejected(errors) => self.settings_errors = errors,
            Input::Session {
                tunnel,
                attempt,
                event,
            } => self.one(&tunnel, now, |tunnel, cx| {
                tunnel.session(attempt, event, cx);
            }),
            Input::Probed {
                forward,
                attempt,
                health,
            } => self.one(&forward.id.tunnel, now, |tunnel, cx| {
                tunnel.probed(&forward, attempt, health, cx);
            }),
            Input::Listening { forward, result } => {
                self.one(&forward.tunnel, now, |tunnel, cx| {
                    tunnel.listening(&forward, result, cx.now);
                });
            }
            Input::Demand(tunnel) => self.one(&tunnel, now, Tunnel::demand),
            Input::EnvironmentChanged => self.each(None, now, Tunnel::environment_changed),
            Input::AgentsChanged => self.each(None, now, Tunnel::agents_changed),
        }
        self.settle(now);
    }

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.settle(now);
    }

    /// When [`Supervisor::handle_timeout`] wants to be called next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.tunnels.iter().filter_map(Tunnel::due).min()
    }

    /// The next thing to do.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// What is true now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            tunnels: self
                .tunnels
                .iter()
                .filter(|tunnel| !tunnel.removed)
                .map(Tunnel::view)
                .collect(),
            settings_errors: Arc::clone(&self.settings_errors),
            quitting: self.quitting,
        }
    }

    /// Everything is down, and is to stay so.
    #[must_use]
    pub fn finished(&self) -> bool {
        self.quitting && self.tunnels.iter().all(Tunnel::is_idle)
    }

    fn command(&mut self, command: Command, now: Instant) {
        match command {
            Command::Quit => {
                self.quitting = true;
                self.each(None, now, Tunnel::down);
            }
            Command::Down(tunnel) => self.each(tunnel.as_ref(), now, Tunnel::down),
            // Whoever quits does not begin anything.
            Command::Up(_)
            | Command::Restart(_)
            | Command::Answer { .. }
            | Command::PasswordGiven(_)
            | Command::ForgetHostKeys { .. }
                if self.quitting => {}
            Command::Up(tunnel) => self.each(tunnel.as_ref(), now, Tunnel::up),
            Command::Restart(tunnel) => self.each(tunnel.as_ref(), now, Tunnel::restart),
            Command::Answer {
                tunnel,
                question,
                answer,
            } => self.one(&tunnel, now, |tunnel, cx| {
                tunnel.answer(question, answer, cx);
            }),
            Command::PasswordGiven(tunnel) => self.one(&tunnel, now, Tunnel::password_given),
            Command::ForgetHostKeys { host, port } => self.each(None, now, |tunnel, _| {
                tunnel.forget_host_keys(&host, port);
            }),
        }
    }

    /// Applies a configuration as a difference: by name, in its order.
    fn configure(&mut self, settings: &Settings, now: Instant) {
        let mut old = std::mem::take(&mut self.tunnels);
        let mut added = Vec::new();
        for wanted in &settings.tunnels {
            let known = old
                .iter()
                .position(|tunnel| tunnel.settings().id == wanted.id);
            let tunnel = match known {
                Some(index) => old.swap_remove(index),
                None => Tunnel::new(Arc::clone(wanted), now),
            };
            if (known.is_none() || tunnel.removed) && wanted.autostart {
                added.push(wanted.id.clone());
            }
            self.tunnels.push(tunnel);
        }
        let kept = self.tunnels.len();
        self.tunnels.append(&mut old);
        let mut index = 0;
        self.each(None, now, |tunnel, cx| {
            tunnel.removed = index >= kept;
            if tunnel.removed {
                tunnel.down(cx);
            }
            index += 1;
        });
        for wanted in &settings.tunnels {
            self.one(&wanted.id, now, |tunnel, cx| {
                tunnel.reconfigure(Arc::clone(wanted), cx);
            });
        }
        // Every listener that goes is closed by now: a port may pass from one forward to another.
        self.each(None, now, Tunnel::listen);
        for id in &added {
            self.one(id, now, Tunnel::up);
        }
    }

    fn settle(&mut self, now: Instant) {
        self.each(None, now, |tunnel, cx| {
            tunnel.tick(cx);
            tunnel.settle(cx.now);
        });
        self.tunnels
            .retain(|tunnel| !(tunnel.removed && tunnel.is_idle()));
    }

    fn one(
        &mut self,
        id: &TunnelId,
        now: Instant,
        act: impl FnOnce(&mut Tunnel, &mut Context<'_>),
    ) {
        let (tunnels, mut cx) = self.lend(now);
        if let Some(tunnel) = tunnels
            .iter_mut()
            .find(|tunnel| tunnel.settings().id == *id)
        {
            act(tunnel, &mut cx);
        }
    }

    /// On the tunnel `which`, or on all of them.
    fn each(
        &mut self,
        which: Option<&TunnelId>,
        now: Instant,
        mut act: impl FnMut(&mut Tunnel, &mut Context<'_>),
    ) {
        let (tunnels, mut cx) = self.lend(now);
        tunnels
            .iter_mut()
            .filter(|tunnel| which.is_none_or(|id| tunnel.settings().id == *id))
            .for_each(|tunnel| act(tunnel, &mut cx));
    }

    fn lend(&mut self, now: Instant) -> (&mut [Tunnel], Context<'_>) {
        let cx = Context {
            now,
            actions: &mut self.actions,
            last_attempt: &mut self.last_attempt,
            last_question: &mut self.last_question,
            rng: &mut self.rng,
        };
        (&mut self.tunnels, cx)
    }
}

/// What the engine is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Bind the forward's listener, or try again to; answered by `Input::Listening`.
    /// For a forward that listens already: take the new settings over.
    Listen(Arc<ForwardSettings>),
    /// Close the forward's listener and the connections that came in by it.
    Unlisten(ForwardId),
    /// Start a session; it answers with `Input::Session` events, the last one `Ended`.
    Dial {
        /// Where, and as whom.
        settings: Arc<TunnelSettings>,
        /// The number of this dial.
        attempt: Attempt,
        /// What the user answered, unless a dial has had it judged since.
        grant: Option<Grant>,
        /// What the session does before connections may use it; it answers `SessionEvent::Tried`.
        trial: Option<Trial>,
    },
    /// End that session; it still answers `Ended`.
    HangUp {
        /// Whose.
        tunnel: TunnelId,
        /// Which.
        attempt: Attempt,
    },
    /// Show that the session still works; it answers `SessionEvent::RoundTrip` or `Silent`.
    Prove {
        /// Whose.
        tunnel: TunnelId,
        /// Which.
        attempt: Attempt,
    },
    /// Give that session no more connections, and end it when it has none left; then it answers
    /// `Ended`.
    Retire {
        /// Whose.
        tunnel: TunnelId,
        /// Which.
        attempt: Attempt,
    },
    /// Give the session the answer that it waits for.
    Respond {
        /// Whose.
        tunnel: TunnelId,
        /// Which.
        attempt: Attempt,
        /// One for each field.
        responses: Vec<Secret>,
    },
    /// The user wants another try: what speaks against the account's password does not count any more.
    TryPasswordAgain {
        /// Whose account.
        settings: Arc<TunnelSettings>,
        /// The password that the user typed. `None`: those whose verdict was lost.
        typed: Option<Secret>,
    },
    /// Ask the service behind a forward how it is; answered by `Input::Probed`.
    Probe {
        /// Which.
        forward: Arc<ForwardSettings>,
        /// Through which session.
        attempt: Attempt,
    },
}

/// Whether the server still answers while it connects to a target: to be found out by a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// The target to connect to.
    pub target: RemoteTarget,
    /// Whether the session goes on if the server answers. If it does not, the session ends anyway.
    pub stay: bool,
}

/// An answer that a dial starts with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// This key is the server's: record it, then trust it.
    HostKey(PresentedKey),
    /// The account's password.
    Password {
        /// It.
        value: Secret,
        /// Keep it in the keyring once it has worked.
        remember: bool,
    },
    /// A key file's passphrase.
    Passphrase {
        /// The file.
        key: std::path::PathBuf,
        /// It.
        value: Secret,
        /// Keep it in the keyring once it has worked.
        remember: bool,
    },
}
