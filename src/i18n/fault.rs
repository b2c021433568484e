//! Faults in words: what failed, on what, and what to do now.

mod words;

use crate::model::{AuthMethod, Fault, Language, PortOwner, PresentedKey};
use std::fmt;
use words::*;

/// A fault, explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// What failed, on what.
    pub message: String,
    /// What to do now.
    pub hint: String,
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.message, self.hint)
    }
}

/// The fault in words.
#[must_use]
pub fn fault(language: Language, fault: &Fault) -> Explained {
    let l = language;
    let (message, hint) = match fault {
        Fault::NameNotResolved { host, detail } => {
            (name_not_resolved(l, host, detail), check_network_or_name(l))
        }
        Fault::NoRoute { server, detail } => (no_route(l, server, detail), check_network(l)),
        Fault::ConnectionRefused { server } => {
            (connection_refused(l, server), check_ssh_service(l))
        }
        Fault::ConnectTimeout { server } => (connect_timeout(l, server), check_way(l)),
        Fault::ConnectFailed { server, detail } => {
            (connect_failed(l, server, detail), check_way(l))
        }
        Fault::ServerBusy { server, detail } => (server_busy(l, server, detail), wait_a_little(l)),
        Fault::NotSsh { server, detail } => (not_ssh(l, server, detail), check_port(l)),
        Fault::HandshakeTimeout { server } => (handshake_timeout(l, server), check_way(l)),
        Fault::HandshakeFailed { server, detail } => {
            (handshake_failed(l, server, detail), tries_again(l))
        }
        Fault::NoCommonAlgorithm { server, detail } => {
            (no_common_algorithm(l, server, detail), server_too_old(l))
        }

        Fault::HostKeyUnknown { key } => (
            host_key_unknown(l, &place(key), &key.fingerprint, &key.algorithm),
            compare_then_accept(l),
        ),
        Fault::HostKeyChanged { key, known, source } => (
            host_key_changed(l, &place(key), &list(known), source),
            call_it_before_anything(l, &key.fingerprint, source),
        ),
        Fault::HostKeyRevoked { key, source } => (
            host_key_revoked(l, &place(key), &key.fingerprint, source),
            call_it_key_is_revoked(l),
        ),
        Fault::HostKeyNotPinned { key, pinned } => (
            host_key_not_pinned(l, &place(key), &key.fingerprint, &list(pinned)),
            call_it_pin_differs(l),
        ),
        Fault::HostCertificateUnsupported { host, source } => (
            host_certificate_unsupported(l, host, source),
            pin_a_plain_key(l),
        ),
        Fault::KnownHostsUnreadable { path, detail } => (
            known_hosts_unreadable(l, &path.display().to_string(), detail),
            make_readable(l),
        ),
        Fault::FileTimeout { path } => {
            (file_timeout(l, &path.display().to_string()), check_disk(l))
        }
        Fault::KnownHostsUnwritable { path, detail, .. } => (
            known_hosts_unwritable(l, &path.display().to_string(), detail),
            make_writable(l),
        ),

        Fault::AuthenticationRejected {
            user,
            server,
            tried,
            offered,
            detail,
        } => {
            let message = authentication_rejected(l, user, server, &methods(l, tried));
            let hint = check_credentials(l, &list(offered));
            if detail.is_empty() {
                (message, hint)
            } else {
                (message, format!("{hint} {}", noticed(l, detail)))
            }
        }
        Fault::NoCredential {
            user,
            server,
            offered,
            detail,
        } => (
            no_credential(l, user, server, detail),
            give_a_credential(l, &list(offered)),
        ),
        Fault::PasswordNeeded {
            user,
            server,
            rejected: false,
        } => (password_needed(l, user, server), answer_it(l)),
        Fault::PasswordNeeded {
            user,
            server,
            rejected: true,
        } => (password_rejected(l, user, server), answer_with_care(l)),
        Fault::PassphraseNeeded {
            key,
            rejected: false,
        } => (
            passphrase_needed(l, &key.display().to_string()),
            answer_it(l),
        ),
        Fault::PassphraseNeeded {
            key,
            rejected: true,
        } => (
            passphrase_rejected(l, &key.display().to_string()),
            answer_it(l),
        ),
        Fault::AuthenticationTimeout { server } => {
            (authentication_timeout(l, server), tries_again(l))
        }
        Fault::QuestionTimeout { server } => (question_timeout(l, server), come_back_with_up(l)),
        Fault::QuestionLost { server } => (question_lost(l, server), answer_was_not_used(l)),
        Fault::QuestionCancelled { server } => {
            (question_cancelled(l, server), come_back_with_up(l))
        }

        Fault::Disconnected {
            server,
            reason,
            message,
        } => (
            if message.is_empty() {
                disconnected(l, server, *reason)
            } else {
                disconnected_saying(l, server, message)
            },
            tries_again(l),
        ),
        Fault::ConnectionLost { server, detail } => {
            (connection_lost(l, server, detail), tries_again(l))
        }
        Fault::KeepaliveTimeout { server } => (keepalive_timeout(l, server), tries_again(l)),

        Fault::PortTaken { address, owner } => {
            let port = address.port();
            let message = match owner {
                Some(PortOwner {
                    pid,
                    process: Some(process),
                }) => port_taken_by(l, port, process, *pid),
                Some(PortOwner { pid, process: None }) => port_taken_by_process(l, port, *pid),
                None => port_taken(l, port),
            };
            (message, free_the_port(l))
        }
        Fault::PortReserved { address } => {
            (port_reserved(l, address.port()), choose_another_port(l))
        }
        Fault::BindFailed { address, detail } => (
            bind_failed(l, &address.to_string(), detail),
            choose_another_port(l),
        ),

        Fault::Internal { detail } => (internal(l, detail), report_it(l)),
    };
    Explained { message, hint }
}

/// The server that shows a key, as one names it to IT.
pub(crate) fn place(key: &PresentedKey) -> String {
    match (key.host.contains(':'), key.port) {
        (_, 22) => key.host.clone(),
        (true, port) => format!("[{}]:{port}", key.host),
        (false, port) => format!("{}:{port}", key.host),
    }
}

fn list(words: &[String]) -> String {
    if words.is_empty() {
        return "–".to_owned();
    }
    words.join(", ")
}

fn methods(language: Language, tried: &[AuthMethod]) -> String {
    let words: Vec<String> = tried
        .iter()
        .map(|method| match method {
            AuthMethod::Agent => keys_of_the_agent(language),
            AuthMethod::Key => key_files(language),
            AuthMethod::Password => password(language),
        })
        .collect();
    list(&words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::question;
    use crate::model::QuestionKind;

    const EVIL: &str = "evil\u{1b}[31m\u{202e}\r\ntext";

    fn key() -> PresentedKey {
        PresentedKey {
            host: EVIL.into(),
            port: 722,
            algorithm: EVIL.into(),
            fingerprint: EVIL.into(),
            line: EVIL.into(),
        }
    }

    /// Every fault, with the worst text in each place that takes one.
    fn faults() -> Vec<Fault> {
        let evil = || EVIL.to_owned();
        let evils = || vec![evil(), evil()];
        let address = "127.0.0.1:3000".parse().unwrap();
        vec![
            Fault::NameNotResolved {
                host: evil(),
                detail: evil(),
            },
            Fault::NoRoute {
                server: evil(),
                detail: evil(),
            },
            Fault::ConnectionRefused { server: evil() },
            Fault::ConnectTimeout { server: evil() },
            Fault::ConnectFailed {
                server: evil(),
                detail: evil(),
            },
            Fault::ServerBusy {
                server: evil(),
                detail: evil(),
            },
            Fault::NotSsh {
                server: evil(),
                detail: evil(),
            },
            Fault::HandshakeTimeout { server: evil() },
            Fault::HandshakeFailed {
                server: evil(),
                detail: evil(),
            },
            Fault::NoCommonAlgorithm {
                server: evil(),
                detail: evil(),
            },
            Fault::HostKeyUnknown { key: key() },
            Fault::HostKeyChanged {
                key: key(),
                known: evils(),
                source: evil(),
            },
            Fault::HostKeyRevoked {
                key: key(),
                source: evil(),
            },
            Fault::HostKeyNotPinned {
                key: key(),
                pinned: evils(),
            },
            Fault::HostCertificateUnsupported {
                host: evil(),
                source: evil(),
            },
            Fault::KnownHostsUnreadable {
                path: evil().into(),
                detail: evil(),
            },
            Fault::FileTimeout {
                path: evil().into(),
            },
            Fault::KnownHostsUnwritable {
                key: key(),
                path: evil().into(),
                detail: evil(),
            },
            Fault::AuthenticationRejected {
                user: evil(),
                server: evil(),
                tried: vec![AuthMethod::Agent, AuthMethod::Key, AuthMethod::Password],
                offered: evils(),
                detail: evil(),
            },
            Fault::NoCredential {
                user: evil(),
                server: evil(),
                offered: Vec::new(),
                detail: evil(),
            },
            Fault::PasswordNeeded {
                user: evil(),
                server: evil(),
                rejected: false,
            },
            Fault::PasswordNeeded {
                user: evil(),
                server: evil(),
                rejected: true,
            },
            Fault::PassphraseNeeded {
                key: evil().into(),
                rejected: false,
            },
            Fault::PassphraseNeeded {
                key: evil().into(),
                rejected: true,
            },
            Fault::AuthenticationTimeout { server: evil() },
            Fault::QuestionTimeout { server: evil() },
            Fault::QuestionLost { server: evil() },
            Fault::QuestionCancelled { server: evil() },
            Fault::Disconnected {
                server: evil(),
                reason: 11,
                message: evil(),
            },
            Fault::Disconnected {
                server: evil(),
                reason: 11,
                message: String::new(),
            },
            Fault::ConnectionLost {
                server: evil(),
                detail: evil(),
            },
            Fault::KeepaliveTimeout { server: evil() },
            Fault::PortTaken {
                address,
                owner: Some(PortOwner {
                    pid: 42,
                    process: Some(evil()),
                }),
            },
            Fault::PortTaken {
                address,
                owner: Some(PortOwner {
                    pid: 42,
                    process: None,
                }),
            },
            Fault::PortTaken {
                address,
                owner: None,
            },
            Fault::PortReserved { address },
            Fault::BindFailed {
                address,
                detail: evil(),
            },
            Fault::Internal { detail: evil() },
        ]
    }

    #[test]
    fn every_fault_says_what_failed_and_what_to_do_in_both_languages() {
        for fault in faults() {
            let [fr, en] = [Language::Fr, Language::En].map(|l| super::fault(l, &fault));
            for text in [&fr.message, &fr.hint, &en.message, &en.hint] {
                assert!(text.ends_with('.'), "{text}");
                assert!(!text.contains(['{', '}', '\u{1b}', '\u{202e}', '\n', '\r']));
            }
            assert_ne!(fr.message, en.message);
            assert_ne!(fr.hint, en.hint);
        }
    }

    #[test]
    fn a_changed_key_sends_to_it_and_not_on() {
        let fault = Fault::HostKeyChanged {
            key: PresentedKey {
                host: "serveurproduction".into(),
                port: 722,
                algorithm: "ssh-ed25519".into(),
                fingerprint: "SHA256:new".into(),
                line: String::new(),
            },
            known: vec!["SHA256:old".into()],
            source: "known_hosts".into(),
        };
        let english = super::fault(Language::En, &fault);
        assert!(english.message.contains("serveurproduction:722"));
        assert!(english.hint.contains("Do not continue"));
        assert!(english.hint.contains("SHA256:new"));
        let french = super::fault(Language::Fr, &fault);
        assert!(french.hint.contains("Ne continuez pas"));
        assert!(french.hint.contains("appelez le service informatique"));
    }

    #[test]
    fn questions_are_harmless_too() {
        for kind in [
            QuestionKind::HostKey(key()),
            QuestionKind::Password {
                user: EVIL.into(),
                server: EVIL.into(),
                rejected: true,
            },
            QuestionKind::Passphrase {
                key: EVIL.into(),
                rejected: false,
            },
            QuestionKind::Interactive {
                name: EVIL.into(),
                instruction: EVIL.into(),
                prompts: Vec::new(),
            },
        ] {
            for language in [Language::Fr, Language::En] {
                let text = question(language, &kind);
                assert!(!text.is_empty());
                assert!(!text.contains(['{', '\u{1b}', '\u{202e}', '\n']), "{text}");
            }
        }
    }
}
