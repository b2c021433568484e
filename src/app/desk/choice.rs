//! What a call is about: names and questions, looked up in a snapshot. Pure.

use crate::ipc::{Refusal, Reply};
use crate::model::{
    Fault, ForwardId, ForwardView, Phase, Question, QuestionId, QuestionKind, Snapshot, Stage,
    TunnelId, TunnelView,
};

pub(super) fn the_tunnel(snapshot: &Snapshot, name: Option<&str>) -> Result<TunnelId, Refusal> {
    the_view(snapshot, name).map(|tunnel| tunnel.id().clone())
}

/// The tunnel of that name, or the only one.
pub(super) fn the_view<'a>(
    snapshot: &'a Snapshot,
    name: Option<&str>,
) -> Result<&'a TunnelView, Refusal> {
    let known = || snapshot.tunnels.iter().map(name_of).collect();
    match (name, snapshot.tunnels.as_slice()) {
        (Some(name), tunnels) => by_name(tunnels, name, |tunnel| tunnel.id().as_str())
            .ok_or_else(|| Refusal::NoSuchTunnel { known: known() }),
        (None, [only]) => Ok(only),
        (None, _) => Err(Refusal::WhichTunnel { known: known() }),
    }
}

/// How the recording went of the host key that was the answer to that question; `None`: that does not
/// show yet.
pub(super) fn recorded(
    snapshot: &Snapshot,
    id: &TunnelId,
    question: QuestionId,
) -> Option<Result<(), Refusal>> {
    let Some(tunnel) = snapshot.tunnel(id) else {
        return Some(Ok(()));
    };
    let asked = tunnel.question.as_ref().map(|question| question.id);
    if asked == Some(question) || tunnel.stage == Some(Stage::Resolving) {
        return None;
    }
    Some(match &tunnel.fault {
        Some(Fault::KnownHostsUnwritable { path, detail, .. })
            if tunnel.phase == Phase::Blocked =>
        {
            Err(Refusal::KnownHosts {
                path: path.display().to_string(),
                detail: detail.clone(),
            })
        }
        Some(_) | None => Ok(()),
    })
}

/// The tunnel that asks something of that kind: the named one, or the only one that does.
pub(super) fn asking<'a>(
    snapshot: &'a Snapshot,
    name: Option<&str>,
    kind: fn(&QuestionKind) -> bool,
) -> Result<(&'a TunnelView, &'a Question), Refusal> {
    let asks = |tunnel: &'a TunnelView| {
        let question = tunnel.question.as_ref();
        question
            .filter(|question| kind(&question.kind))
            .map(|question| (tunnel, question))
    };
    if name.is_some() {
        return asks(the_view(snapshot, name)?).ok_or(Refusal::NothingAsked);
    }
    let all: Vec<_> = snapshot.tunnels.iter().filter_map(asks).collect();
    match all.as_slice() {
        [] => Err(Refusal::NothingAsked),
        [only] => Ok(*only),
        several => Err(Refusal::WhichTunnel {
            known: several.iter().map(|(tunnel, _)| name_of(tunnel)).collect(),
        }),
    }
}

/// The tunnel that a password is for: the named one, the only one, or the only one that asks.
pub(super) fn to_set_password(
    snapshot: &Snapshot,
    name: Option<&str>,
) -> Result<TunnelId, Refusal> {
    the_tunnel(snapshot, name).or_else(|refusal| {
        asking(snapshot, name, |kind| {
            matches!(kind, QuestionKind::Password { .. })
        })
        .map(|(tunnel, _)| tunnel.id().clone())
        .map_err(|_| refusal)
    })
}

/// The forward to open: of that name or `tunnel/name`; without one, what a click opens.
pub(super) fn to_open(snapshot: &Snapshot, name: Option<&str>) -> Result<ForwardId, Refusal> {
    let Some(name) = name else {
        let mut clickable = snapshot.tunnels.iter().filter_map(TunnelView::primary);
        return clickable
            .next()
            .map(|forward| forward.id().clone())
            .ok_or(Refusal::NothingToOpen);
    };
    let all: Vec<(String, &ForwardView)> = snapshot
        .tunnels
        .iter()
        .flat_map(|tunnel| &tunnel.forwards)
        .map(|forward| (forward.id().to_string(), forward))
        .collect();
    let found = by_name(&all, name, |(full, _)| full)
        .or_else(|| by_name(&all, name, |(_, forward)| &forward.id().name));
    match found {
        Some((_, forward)) if forward.settings.open.is_none() => Err(Refusal::NothingToOpen),
        Some((_, forward)) => Ok(forward.id().clone()),
        None => Err(Refusal::NoSuchForward {
            known: all.into_iter().map(|(full, _)| full).collect(),
        }),
    }
}

/// The one of that name; if none is spelled so, the only one that is but for upper and lower case.
fn by_name<'a, T>(all: &'a [T], name: &str, name_of: impl Fn(&T) -> &str) -> Option<&'a T> {
    let only = |same: &dyn Fn(&str) -> bool| {
        let mut found = all.iter().filter(|one| same(name_of(one)));
        let first = found.next()?;
        found.next().is_none().then_some(first)
    };
    let lower = name.to_lowercase();
    only(&|other| other == name).or_else(|| only(&|other| other.to_lowercase() == lower))
}

fn name_of(tunnel: &TunnelView) -> String {
    tunnel.id().to_string()
}

pub(super) fn fits(question: &QuestionKind, reply: &Reply) -> bool {
    match (question, reply) {
        (_, Reply::Cancel)
        | (QuestionKind::Password { .. } | QuestionKind::Passphrase { .. }, Reply::Secret { .. }) => {
            true
        }
        (QuestionKind::Interactive { prompts, .. }, Reply::Responses(responses)) => {
            prompts.len() == responses.len()
        }
        (
            QuestionKind::HostKey(_)
            | QuestionKind::Password { .. }
            | QuestionKind::Passphrase { .. }
            | QuestionKind::Interactive { .. },
            Reply::Secret { .. } | Reply::Responses(_),
        ) => false,
    }
}

/// As people paste them: with or without `SHA256:` and padding.
pub(super) fn same_fingerprint(wanted: &str, shown: &str) -> bool {
    fn bare(fingerprint: &str) -> &str {
        let fingerprint = fingerprint.trim();
        let digest = fingerprint.strip_prefix("SHA256:").unwrap_or(fingerprint);
        digest.trim_end_matches('=')
    }
    bare(wanted) == bare(shown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::samples;
    use crate::ipc::SecretText;
    use crate::model::Secret;
    use std::sync::Arc;

    fn opened(snapshot: &Snapshot, name: Option<&str>) -> Result<String, Refusal> {
        to_open(snapshot, name).map(|id| id.to_string())
    }

    #[test]
    fn tunnels_are_found_by_name_or_by_being_alone() {
        let one = samples::healthy();
        for name in [None, Some("Production"), Some("production")] {
            assert_eq!(the_tunnel(&one, name), Ok(TunnelId::new("Production")));
        }
        let known = vec!["Production".to_owned()];
        assert_eq!(
            the_tunnel(&one, Some("Nowhere")),
            Err(Refusal::NoSuchTunnel { known })
        );
        let two = samples::two(["A", "a"]);
        assert_eq!(the_tunnel(&two, Some("a")), Ok(TunnelId::new("a")));
        let known = vec!["A".to_owned(), "a".to_owned()];
        assert_eq!(the_tunnel(&two, None), Err(Refusal::WhichTunnel { known }));
        let two = samples::two(["AA", "Aa"]);
        assert!(the_tunnel(&two, Some("aa")).is_err());
    }

    #[test]
    fn forwards_are_found_by_name_by_path_or_by_being_primary() {
        let one = samples::healthy();
        assert_eq!(opened(&one, None).unwrap(), "Production/Grafana");
        assert_eq!(
            opened(&one, Some("prometheus")).unwrap(),
            "Production/Prometheus"
        );
        let two = samples::two(["A", "B"]);
        assert_eq!(opened(&two, Some("B/Grafana")).unwrap(), "B/Grafana");
        // Grafana alone could be either.
        let Err(Refusal::NoSuchForward { known }) = opened(&two, Some("Grafana")) else {
            panic!("it is ambiguous");
        };
        assert_eq!(
            known,
            ["A/Grafana", "A/Prometheus", "B/Grafana", "B/Prometheus"]
        );
    }

    #[test]
    fn what_has_no_page_is_not_opened() {
        let mut snapshot = samples::healthy();
        for forward in &mut snapshot.tunnels[0].forwards {
            Arc::make_mut(&mut forward.settings).open = None;
        }
        assert_eq!(opened(&snapshot, None), Err(Refusal::NothingToOpen));
        assert_eq!(
            opened(&snapshot, Some("Grafana")),
            Err(Refusal::NothingToOpen)
        );
    }

    #[test]
    fn the_one_that_asks_is_meant() {
        let mut snapshot = samples::two(["A", "B"]);
        let any = |_: &QuestionKind| true;
        assert_eq!(asking(&snapshot, None, any), Err(Refusal::NothingAsked));
        snapshot.tunnels[1].question = Some(samples::host_key_question(3));
        let (tunnel, question) = asking(&snapshot, None, any).unwrap();
        assert_eq!((tunnel.id().as_str(), question.id.0), ("B", 3));
        assert_eq!(
            asking(&snapshot, Some("A"), any),
            Err(Refusal::NothingAsked)
        );
        snapshot.tunnels[0].question = Some(samples::password_question(4));
        let known = vec!["A".to_owned(), "B".to_owned()];
        assert_eq!(
            asking(&snapshot, None, any),
            Err(Refusal::WhichTunnel { known })
        );
        assert_eq!(to_set_password(&snapshot, None), Ok(TunnelId::new("A")));
        assert_eq!(
            to_set_password(&snapshot, Some("B")),
            Ok(TunnelId::new("B"))
        );
    }

    #[test]
    fn answers_fit_their_questions() {
        let text = || SecretText(Secret::new("x".into()));
        let secret = Reply::Secret {
            value: text(),
            remember: false,
        };
        let password = samples::password_question(1).kind;
        let host_key = samples::host_key_question(1).kind;
        let fields = QuestionKind::Interactive {
            name: String::new(),
            instruction: String::new(),
            prompts: Vec::new(),
        };
        assert!(fits(&password, &secret) && fits(&host_key, &Reply::Cancel));
        assert!(!fits(&host_key, &secret) && !fits(&fields, &secret));
        assert!(fits(&fields, &Reply::Responses(Vec::new())));
        assert!(!fits(&fields, &Reply::Responses(vec![text()])));
    }

    #[test]
    fn fingerprints_compare_as_people_paste_them() {
        for pasted in ["SHA256:abc", "abc", " SHA256:abc=\n"] {
            assert!(same_fingerprint(pasted, "SHA256:abc"), "{pasted}");
        }
        for other in ["SHA256:ABC", "SHA256:ab", "", "MD5:abc"] {
            assert!(!same_fingerprint(other, "SHA256:abc"), "{other}");
        }
    }
}
