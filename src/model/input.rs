//! Everything that the supervisor can be told.

use super::{
    Answer, Attempt, Fault, ForwardId, ForwardSettings, Health, InteractivePrompt, QuestionId,
    RemoteTarget, Settings, TunnelId,
};
use std::sync::Arc;
use std::time::Duration;

/// One thing that happened. The supervisor's only way in.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// The user, or someone for the user, wants something.
    Command(Command),
    /// A good configuration was read: apply the difference.
    Settings(Arc<Settings>),
    /// A configuration was read and refused: these are its first errors, a line each. The old one stays.
    SettingsRejected(Arc<[String]>),
    /// A session tells something. Stale ones are dropped by their attempt.
    Session {
        /// Whose.
        tunnel: TunnelId,
        /// Which dial's.
        attempt: Attempt,
        /// What.
        event: SessionEvent,
    },
    /// A probe came back.
    Probed {
        /// Of which forward, as it was when it was asked.
        forward: Arc<ForwardSettings>,
        /// Through which dial's session.
        attempt: Attempt,
        /// What it found.
        health: Health,
    },
    /// A forward's listener is bound, or why it is not.
    Listening {
        /// Which forward.
        forward: ForwardId,
        /// The outcome.
        result: Result<(), Fault>,
    },
    /// Somebody waits for the tunnel's session: a local connection, or a user who wants to open a
    /// service and to know that it works now.
    Demand(TunnelId),
    /// The environment changed in a way that makes an early retry worth while: resume from sleep,
    /// a new network.
    EnvironmentChanged,
    /// The SSH agents hold other keys than before.
    AgentsChanged,
}

/// What someone wants. A tunnel of `None` means all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Bring it up, or try again now.
    Up(Option<TunnelId>),
    /// Take it down.
    Down(Option<TunnelId>),
    /// Hang up and dial again.
    Restart(Option<TunnelId>),
    /// Answer a question.
    Answer {
        /// Whose question.
        tunnel: TunnelId,
        /// Which; an answer to another than the standing one is dropped.
        question: QuestionId,
        /// The answer.
        answer: Answer,
    },
    /// A password for the tunnel was put into the vault, maybe without being asked for.
    PasswordGiven(TunnelId),
    /// The keys of this server are being forgotten: no dial may record one that was accepted before.
    ForgetHostKeys {
        /// As the configuration calls it.
        host: String,
        /// Its port.
        port: u16,
    },
    /// Take everything down and end.
    Quit,
}

/// What a session tells while it lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionEvent {
    /// It has come this far.
    Stage(Stage),
    /// The server asks the user something, and waits.
    Asks {
        /// Title.
        name: String,
        /// Text above the fields.
        instruction: String,
        /// The fields.
        prompts: Vec<InteractivePrompt>,
    },
    /// The host key that the dial carried is recorded.
    HostKeyRecorded,
    /// The password that the dial carried was taken or refused.
    PasswordJudged,
    /// It is authenticated: channels can be opened.
    Established(ServerInfo),
    /// A round trip was measured: it works.
    RoundTrip(Duration),
    /// It was to show that it still works, and has not answered in time. It may yet.
    Silent {
        /// The target of the first unanswered request, if that is a channel open.
        unanswered: Option<RemoteTarget>,
    },
    /// The trial is over for which it was dialed. Comes before `Established`.
    Tried {
        /// The target that the server connected to.
        target: RemoteTarget,
        /// Whether the server answered meanwhile.
        answers: bool,
    },
    /// A new session would leave by another network than this one did.
    Rerouted,
    /// It works, and another session should take over: its key has encrypted much, or it holds `memory`
    /// bytes that only its end gives back.
    Worn {
        /// In bytes.
        memory: u64,
    },
    /// The server begins new keys soon, and the session may not survive that: it is worn, and not for long.
    RekeyNear,
    /// It is over; always the last event. A hang-up of ours ends with `None`.
    Ended(Option<Fault>),
}

/// How far a dial has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Resolving the name.
    Resolving,
    /// Opening the TCP connection.
    Connecting,
    /// Banner, key exchange, host key.
    Handshake,
    /// Authentication.
    Authenticating,
    /// The session stands; the services behind the forwards are asked how they are.
    Checking,
}

/// What is known of the server once a session stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerInfo {
    /// The address that answered.
    pub address: std::net::SocketAddr,
    /// The time of one round trip during the handshake.
    pub round_trip: Duration,
    /// Key exchange and cipher, for the log and the small print.
    pub algorithms: String,
}
