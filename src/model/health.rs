//! What a probe found.

/// The state of the service behind a forward, and why it is so.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Health {
    /// The state.
    pub state: HealthState,
    /// Why, where there is something to say.
    pub reason: Option<HealthReason>,
    /// The service's version, if it told.
    pub version: Option<String>,
}

impl Health {
    /// A state with its reason.
    #[must_use]
    pub fn because(state: HealthState, reason: HealthReason) -> Self {
        Self {
            state,
            reason: Some(reason),
            version: None,
        }
    }

    /// Working, with nothing more to say.
    #[must_use]
    pub fn ok() -> Self {
        Self {
            state: HealthState::Ok,
            reason: None,
            version: None,
        }
    }
}

/// Whether the service works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum HealthState {
    /// Nobody has asked yet since the SSH session began.
    #[default]
    Unknown,
    /// It works.
    Ok,
    /// It answers that it is not ready yet.
    Starting,
    /// It answers that something is wrong.
    Failing,
    /// The server cannot connect to it, or it does not answer.
    Unreachable,
    /// The server's policy forbids to connect to it.
    Prohibited,
}

impl HealthState {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Unknown,
        Self::Ok,
        Self::Starting,
        Self::Failing,
        Self::Unreachable,
        Self::Prohibited,
    ];

    /// A stable word for scripts: `status --json` has it as `health`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Ok => "ok",
            Self::Starting => "starting",
            Self::Failing => "failing",
            Self::Unreachable => "unreachable",
            Self::Prohibited => "prohibited",
        }
    }
}

/// Why a service is in its state.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "each field is a word of its variant's sentence"
)]
pub enum HealthReason {
    /// Grafana: its database does not answer.
    GrafanaDatabase,
    /// Prometheus: it reads its write-ahead log.
    PrometheusNotReady,
    /// It answered with this HTTP status.
    HttpStatus(u16),
    /// It is there, and wants a login before it says more (401 or 403).
    Protected,
    /// It would send the browser to another address than the forward's.
    RedirectsElsewhere { location: String },
    /// It works, and is another service than the expected one.
    NotTheService,
    /// What answered is not HTTP, or breaks it.
    NotHttp { detail: String },
    /// Nothing listens at the remote address: its container is likely down.
    Refused { remote: String },
    /// The server could not connect to it for another reason.
    ConnectFailed { remote: String, detail: String },
    /// No answer in time.
    NoAnswer { remote: String },
    /// No answer, and the server answers nothing else while it connects there.
    StopsTheServer { remote: String },
    /// The server's policy forbids it.
    AdministrativelyProhibited { remote: String },
}
