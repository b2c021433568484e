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
    let mut shown: Vec<String> = tunnels
        .into_iter()
        .filter_map(|tunnel| about_key(tunnel, cx.language))
        .collect();
    if shown.is_empty() {
        shown.push(words::no_key_waits(cx.language));
    }
    print::line(shown.join("\n"))
}

/// What there is to say about the key that the tunnel's server shows, if it is not simply trusted.
fn about_key(tunnel: &TunnelReport, language: Language) -> Option<String> {
    let fault = tunnel.fault.as_ref()?;
    if !fault.code.starts_with("host_") {
        return None;
    }
    let mut lines = vec![format!(
        "{} ({}): {}",
        clean(&tunnel.name),
        clean(&tunnel.server),
        fault.message
    )];
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
            "Production (maintenance@serveurproduction:722): First contact.\n\
             Fingerprint: SHA256:abc (ssh-ed25519)\n\
             Compare."
        );
        assert!(about_key(&tunnel("host_key_changed"), Language::En).is_some());
        assert!(about_key(&tunnel("connect_timeout"), Language::En).is_none());
    }
}
