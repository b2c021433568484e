//! `hostkey`: the question whether a server is the right one.

use super::args::HostkeyVerb;
use super::exit::Failure;
use super::{Context, print, status};
use crate::i18n::{clean, verbs as words};
use crate::ipc::{Request, Response};
use crate::model::{Language, TunnelReport};

/// Runs the verb.
pub(super) async fn hostkey(cx: &Context, verb: HostkeyVerb) -> Result<(), Failure> {
    match verb {
        HostkeyVerb::Show { tunnel } => show(cx, tunnel.as_deref()).await,
        HostkeyVerb::Accept {
            tunnel,
            fingerprint,
        } => {
            let request = Request::AcceptHostKey {
                tunnel,
                fingerprint,
            };
            let Response::Accepted { fingerprint } = cx.ask(&request).await? else {
                return Err(cx.unexpected());
            };
            print::line(words::key_accepted(cx.language, &fingerprint))
        }
        HostkeyVerb::Forget { tunnel } => forget(cx, tunnel).await,
    }
}

async fn show(cx: &Context, name: Option<&str>) -> Result<(), Failure> {
    let status = status::current(cx).await?;
    let tunnels = match name {
        Some(name) => vec![status::named(&status.tunnels, name).map_err(|no| cx.refused(no))?],
        None => status.tunnels.iter().collect(),
    };
    let mut shown = Vec::new();
    for tunnel in tunnels {
        shown.push(format!(
            "{} ({}):",
            clean(&tunnel.name),
            clean(&tunnel.server)
        ));
        shown.extend(trusted(cx, tunnel).await?);
        shown.extend(about_key(tunnel, cx.language));
    }
    print::line(shown.join("\n"))
}

/// The keys by which the tunnel's server is recognised, a line each.
async fn trusted(cx: &Context, tunnel: &TunnelReport) -> Result<Vec<String>, Failure> {
    let request = Request::HostKeys {
        tunnel: tunnel.name.clone(),
    };
    let Response::HostKeys { pinned, known } = cx.ask(&request).await? else {
        return Err(cx.unexpected());
    };
    let language = cx.language;
    let lines: Vec<String> = if pinned.is_empty() {
        let known = known.iter();
        known
            .map(|key| words::known_key(language, &key.fingerprint, &key.algorithm, &key.source))
            .collect()
    } else {
        let pinned = pinned.iter();
        pinned.map(|pin| words::pinned_key(language, pin)).collect()
    };
    Ok(if lines.is_empty() {
        vec![words::no_known_key(language)]
    } else {
        lines
    })
}

/// What there is to say about the key that the tunnel's server shows, if it is not simply trusted.
fn about_key(tunnel: &TunnelReport, language: Language) -> Option<String> {
    let fault = tunnel.fault.as_ref()?;
    if !fault.code.starts_with("host_") {
        return None;
    }
    let mut lines = vec![fault.message.clone()];
    if let Some(question) = &tunnel.question
        && let (Some(fingerprint), Some(algorithm)) = (&question.fingerprint, &question.algorithm)
    {
        lines.push(words::fingerprint(language, algorithm, fingerprint));
    }
    lines.push(fault.hint.clone());
    Some(lines.join("\n"))
}

async fn forget(cx: &Context, tunnel: Option<String>) -> Result<(), Failure> {
    let Response::Forgot { keys } = cx.ask(&Request::ForgetHostKey { tunnel }).await? else {
        return Err(cx.unexpected());
    };
    print::line(match keys {
        0 => words::no_key_to_forget(cx.language),
        keys => words::keys_forgotten(cx.language, keys),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FaultReport, QuestionReport};

    fn tunnel(code: &str) -> TunnelReport {
        TunnelReport {
            name: "Production".into(),
            target: "up".into(),
            phase: "blocked".into(),
            since: String::new(),
            server: "maintenance@serveurproduction:722".into(),
            attempt: 1,
            rtt_ms: None,
            next_dial: None,
            fault: Some(FaultReport {
                code: code.into(),
                message: "First contact.".into(),
                hint: "Compare.".into(),
            }),
            question: None,
            forwards: Vec::new(),
        }
    }

    #[test]
    fn a_key_is_shown_to_be_compared() {
        let mut asking = tunnel("host_key_unknown");
        asking.question = Some(QuestionReport {
            id: 1,
            kind: "host_key".into(),
            message: String::new(),
            fingerprint: Some("SHA256:abc".into()),
            algorithm: Some("ssh-ed25519".into()),
            prompts: Vec::new(),
        });
        assert_eq!(
            about_key(&asking, Language::En).unwrap(),
            "First contact.\n\
             Fingerprint: SHA256:abc (ssh-ed25519)\n\
             Compare."
        );
        assert!(about_key(&tunnel("host_key_changed"), Language::En).is_some());
        assert!(about_key(&tunnel("connect_timeout"), Language::En).is_none());
    }
}
