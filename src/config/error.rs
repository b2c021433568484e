//! What can be wrong with a configuration, as values that say where. `i18n` words them.

use super::keys::Section;
use std::net::IpAddr;
use std::path::PathBuf;

/// Everything that is wrong with a configuration, in the order of the file. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The file, or the place in the registry.
    pub file: PathBuf,
    /// Where in it; `None` when it concerns the source as a whole, or the source has no lines.
    pub position: Option<Position>,
    /// The key, such as `tunnel[0].forward[1].local`; empty for the source as a whole.
    pub key: String,
    /// What is wrong.
    pub problem: Problem,
    /// What would be right, where one rule says it.
    pub allowed: Option<Allowed>,
}

/// A place in a text. Both count from 1; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

/// The ways in which a configuration can be wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "each field is a word of its variant's sentence"
)]
pub enum Problem {
    /// The source cannot be read.
    Unreadable { detail: String },
    /// A directory, a device or the like.
    NotAFile,
    /// More than `limit` bytes.
    TooBig { limit: u64 },
    /// Nothing comes of the file: its disk or share is gone.
    Silent,
    /// The text is in another encoding.
    NotUtf8,
    /// Not TOML; the detail is the parser's, in English.
    Syntax { detail: String },
    /// An escape that TOML does not know, as a path of Windows makes them.
    Backslash,
    /// No such key here.
    UnknownKey {
        suggestion: Option<&'static str>,
        belongs_in: Option<Section>,
    },
    /// A value of another type than the key takes.
    WrongType { found: &'static str },
    /// A key that must be given is not.
    Missing,
    /// A value without content.
    Empty,
    /// None of the words that the key takes.
    UnknownWord {
        found: String,
        suggestion: Option<&'static str>,
    },
    /// The type fits, the value does not.
    Malformed { found: String },
    /// A listener that other machines could reach.
    NotLoopback { address: IpAddr },
    /// More of these than `limit`.
    TooMany { what: Counted, limit: usize },
    /// The same value twice in a list.
    Repeated { found: String },
    /// Another tunnel, or another forward of the tunnel, has the name.
    NameTaken {
        name: String,
        by: String,
        line: Option<usize>,
    },
    /// Another forward listens there.
    PortTaken {
        port: u16,
        by: String,
        line: Option<usize>,
    },
    /// Another forward of the tunnel is the primary one.
    SecondPrimary { first: String, line: Option<usize> },
    /// The primary forward is what a click opens, and it has no `open`.
    PrimaryOpensNothing,
}

/// What there can be too many of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// The tables `[[tunnel]]` of a configuration.
    Tunnels,
    /// Forwards, those of all tunnels together.
    Forwards,
    /// Items of one list.
    Items,
    /// Key files of one tunnel.
    KeyFiles,
}

impl Counted {
    /// How many there may be.
    ///
    /// Each tunnel is a session, each forward two listeners and a line of the menu, each item is
    /// compared with all others of its list. Each key file is read at each dial, and offered to a server
    /// that takes six keys or so before it hangs up.
    #[must_use]
    pub fn limit(self) -> usize {
        match self {
            Self::Tunnels => 64,
            Self::Forwards | Self::Items => 256,
            Self::KeyFiles => 32,
        }
    }
}

/// What a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowed {
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list of these words, each at most once.
    Words(&'static [&'static str]),
    /// `true` or `false`.
    Flag,
    /// A name to show: one line, at most 64 characters.
    Name,
    /// A host name or an address, nothing around it.
    Host,
    /// A user name: one line, at most 256 characters.
    User,
    /// A TCP port, from 1.
    Port,
    /// A text like `15s`, at most a minute.
    ShortTime,
    /// A list of key files, absolute or from `~/`.
    Files,
    /// A list of `SHA256:…` fingerprints.
    Fingerprints,
    /// A port, or a loopback address with a port.
    LocalBind,
    /// `host:port`, as the server sees it.
    RemoteTarget,
    /// One of these words, or a table with a path and its status codes.
    HealthCheck(&'static [&'static str]),
    /// A path in a URL, from `/`, as a browser writes it, at most 2048 characters.
    UrlPath,
    /// A list of HTTP status codes.
    StatusCodes,
    /// `[[tunnel]]` tables, at least one.
    Tunnels,
    /// `[[tunnel.forward]]` tables, or an empty list.
    Forwards,
    /// A table.
    Table,
    /// One of the table's keys.
    Keys(Section),
}
