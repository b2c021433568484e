//! What is shown when the pointer rests on the icon. Pure.

use super::status::{Times, fault, session_lives, state};
use crate::i18n::tray as words;
use crate::model::{Language, Snapshot, TunnelView};

/// What Windows shows of a tooltip, in UTF-16 units.
const LONGEST: usize = 127;

/// A line for each tunnel, and for what is wrong with it.
#[must_use]
pub(super) fn tooltip(l: Language, snapshot: &Snapshot, times: &Times) -> String {
    let lines = snapshot.tunnels.iter().flat_map(|view| {
        let line = words::about(l, view.id().as_str(), &state(l, view, times));
        std::iter::once(line).chain(wrong(l, view))
    });
    cut(&lines.collect::<Vec<_>>().join("\n"))
}

fn wrong(l: Language, view: &TunnelView) -> Option<String> {
    let trouble = || {
        let mut troubles = view.forwards.iter();
        troubles.find_map(|forward| words::trouble(l, forward))
    };
    fault(l, view).or_else(|| trouble().filter(|_| session_lives(view)))
}

fn cut(text: &str) -> String {
    if text.encode_utf16().count() <= LONGEST {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut length = 1;
    for character in text.chars() {
        length += character.len_utf16();
        if length > LONGEST {
            break;
        }
        kept.push(character);
    }
    kept.truncate(kept.trim_end().len());
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fault, Health, HealthReason, HealthState, Phase};
    use crate::ui::samples;
    use std::time::Duration;

    fn both(snapshot: &Snapshot, times: &Times) -> [String; 2] {
        [Language::Fr, Language::En].map(|l| tooltip(l, snapshot, times))
    }

    #[test]
    fn all_is_well() {
        let times = samples::times();
        let snapshot = samples::healthy(times.now);
        assert_eq!(
            both(&snapshot, &times),
            [
                "Production\u{a0}: tout fonctionne depuis 14:02",
                "Production: everything works since 14:02",
            ]
        );
    }

    #[test]
    fn what_is_wrong_and_what_comes_next() {
        let times = samples::times();
        let mut snapshot = samples::healthy(times.now);
        let view = &mut snapshot.tunnels[0];
        view.phase = Phase::Waiting;
        view.next_dial = Some(times.now + Duration::from_secs(3));
        view.fault = Some(Fault::ConnectTimeout {
            server: "prod:722".into(),
        });
        assert_eq!(
            both(&snapshot, &times),
            [
                "Production\u{a0}: nouvelle tentative à 14:02:08\n\
                 Le serveur prod:722 ne répond pas.",
                "Production: next try at 14:02:08\nThe server prod:722 does not answer.",
            ]
        );
    }

    #[test]
    fn a_service_that_is_down_is_named() {
        let times = samples::times();
        let mut snapshot = samples::healthy(times.now);
        let view = &mut snapshot.tunnels[0];
        view.phase = Phase::Degraded;
        view.forwards[1].health =
            Health::because(HealthState::Failing, HealthReason::GrafanaDatabase);
        assert_eq!(
            both(&snapshot, &times),
            [
                "Production\u{a0}: un service est en panne depuis 14:02\n\
                 Grafana\u{a0}: base de données en panne",
                "Production: a service is down since 14:02\n\
                 Grafana: its database is down",
            ]
        );
    }

    #[test]
    fn windows_shows_all_of_it() {
        for text in ["é".repeat(200), "🙂".repeat(100), "a".repeat(127)] {
            let cut = cut(&text);
            let units = cut.encode_utf16().count();
            assert!((126..=LONGEST).contains(&units), "{units}");
            assert_eq!(cut.ends_with('…'), cut != text);
        }
    }
}
