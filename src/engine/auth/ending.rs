//! What it means when the session ends in the middle of authentication. Pure.

use crate::engine::client::End;
use crate::model::Fault;

/// Which credential waited for its verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InFlight {
    /// None: the server was only asked what it takes.
    Nothing,
    /// A key, or a conversation that has not come to the password. To show it again does no harm.
    Harmless,
    /// A password. A wrong one counts towards locking the account.
    Password,
}

/// What to make of the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The credential in flight was refused, and the server takes no more of them now.
    Refused {
        /// The server's words.
        words: String,
    },
    /// The server does not want us, whatever we show.
    ShownTheDoor {
        /// The server's words.
        words: String,
    },
    /// The line broke, and the password's verdict with it.
    InDoubt {
        /// How it broke.
        detail: String,
    },
    /// The line broke, or the server left, and no credential had to do with it.
    Lost(Fault),
}

/// SSH_DISCONNECT_NO_MORE_AUTH_METHODS_AVAILABLE, RFC 4253 section 11.1.
const NO_MORE_METHODS: u32 = 14;

/// What sshd says when its `MaxAuthTries` is reached; its reason code is a mere protocol error.
const TOO_MANY: &str = "too many authentication failures";

/// What to make of `end`, which came while a credential was `in_flight`. `shown`: the server had seen
/// one already.
pub(super) fn meaning(end: Option<End>, in_flight: InFlight, shown: bool, server: &str) -> Meaning {
    let server = server.to_owned();
    let broken = |detail: String| match in_flight {
        InFlight::Password => Meaning::InDoubt { detail },
        InFlight::Nothing | InFlight::Harmless => Meaning::Lost(Fault::ConnectionLost {
            server: server.clone(),
            detail,
        }),
    };
    match end {
        Some(End::NoMethodLeft) => Meaning::Refused {
            words: String::new(),
        },
        Some(End::Disconnect {
            reason,
            message: words,
        }) => {
            let credential = shown || in_flight != InFlight::Nothing;
            if !credential {
                Meaning::Lost(Fault::Disconnected {
                    server,
                    reason,
                    message: words,
                })
            } else if reason == NO_MORE_METHODS || words.to_lowercase().contains(TOO_MANY) {
                Meaning::Refused { words }
            } else {
                Meaning::ShownTheDoor { words }
            }
        }
        Some(End::Silence) => broken("the server went silent".to_owned()),
        Some(End::Broken(detail)) => broken(detail),
        None => broken("the session broke off".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use InFlight::{Harmless, Nothing, Password};

    const SERVER: &str = "m@s:722";

    fn goodbye(reason: u32, message: &str) -> Option<End> {
        Some(End::Disconnect {
            reason,
            message: message.into(),
        })
    }

    #[test]
    fn a_server_that_leaves_after_too_many_failures_refused_the_last_credential() {
        let words = "Too many authentication failures";
        let refused = Meaning::Refused {
            words: words.into(),
        };
        let said = |end| meaning(end, Password, true, SERVER);
        assert_eq!(said(goodbye(2, words)), refused);
        assert!(matches!(said(goodbye(14, "")), Meaning::Refused { .. }));
        let refused = meaning(Some(End::NoMethodLeft), Harmless, false, SERVER);
        assert!(matches!(refused, Meaning::Refused { .. }));
    }

    #[test]
    fn a_server_that_leaves_after_a_credential_is_not_come_back_to() {
        for in_flight in [Harmless, Password] {
            let shown_out = Meaning::ShownTheDoor {
                words: "Account expired".into(),
            };
            let end = goodbye(11, "Account expired");
            assert_eq!(meaning(end, in_flight, false, SERVER), shown_out);
        }
        let end = goodbye(11, "bye");
        assert!(matches!(
            meaning(end, Nothing, true, SERVER),
            Meaning::ShownTheDoor { .. }
        ));
    }

    #[test]
    fn a_server_that_leaves_before_any_credential_is_a_lost_connection() {
        let lost = Meaning::Lost(Fault::Disconnected {
            server: SERVER.into(),
            reason: 11,
            message: "going down".into(),
        });
        assert_eq!(
            meaning(goodbye(11, "going down"), Nothing, false, SERVER),
            lost
        );
    }

    #[test]
    fn a_broken_line_is_no_verdict() {
        for end in [None, Some(End::Silence), Some(End::Broken("reset".into()))] {
            for in_flight in [Nothing, Harmless] {
                assert!(matches!(
                    meaning(end.clone(), in_flight, true, SERVER),
                    Meaning::Lost(Fault::ConnectionLost { .. })
                ));
            }
            let doubt = meaning(end, Password, true, SERVER);
            assert!(matches!(doubt, Meaning::InDoubt { .. }));
        }
    }
}
