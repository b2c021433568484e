//! Writes the page that a browser gets which has waited for the tunnel in vain. Pure.

use crate::engine::holding::{HoldingPage, RELOAD, STYLE};
use crate::i18n::verbs::next_dial;
use crate::i18n::{self, holding as words, units};
use crate::model::{ForwardSettings, Language, Phase, TunnelView};
use std::sync::Arc;
use std::time::Instant;

/// The page in this language.
pub(crate) fn page(language: Language) -> HoldingPage {
    Arc::new(move |tunnel, forward, now| write(language, tunnel, forward, now))
}

fn write(l: Language, tunnel: &TunnelView, forward: &ForwardSettings, now: Instant) -> String {
    let title = words::title(l, &forward.id.name);
    let wait = tunnel
        .next_dial
        .map(|at| at.saturating_duration_since(now))
        .filter(|wait| wait.as_secs() > 0)
        .map(|wait| units::duration(l, wait));
    let state = match (tunnel.phase, &wait) {
        (Phase::Waiting, Some(wait)) => next_dial(l, wait),
        (phase, _) => i18n::phase(l, phase),
    };
    let mut sentences = vec![words::state(l, tunnel.id().as_str(), &state)];
    if let Some(fault) = &tunnel.fault {
        sentences.push(i18n::fault(l, fault).to_string());
    }
    let mut avoided = tunnel.forwards.iter().filter(|view| view.avoided);
    if let Some(view) = avoided.find(|view| view.id() == &forward.id) {
        sentences.push(i18n::health(l, forward, &view.health));
    }
    if let (Phase::Offline, Some(wait)) = (tunnel.phase, &wait) {
        sentences.push(words::next_look(l, wait));
    }
    let sentences = sentences
        .iter()
        .map(|text| format!("<p>{}</p>\n", escaped(text)));
    let lang = match l {
        Language::Fr => "fr",
        Language::En => "en",
    };
    format!(
        "<!doctype html>\n<html lang=\"{lang}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"refresh\" content=\"{RELOAD}\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <h1>{title}</h1>\n{sentences}<p class=\"small\">{reloads}</p>\n\
         <p class=\"small\">Passerelle</p>\n</main>\n</body>\n</html>\n",
        title = escaped(&title),
        sentences = sentences.collect::<String>(),
        reloads = escaped(&words::reloads(l)),
    )
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::samples;
    use crate::model::Fault;
    use std::time::Duration;

    #[test]
    fn it_says_what_is_wrong_and_when_the_next_try_is() {
        let now = Instant::now();
        let mut snapshot = samples::healthy();
        let tunnel = &mut snapshot.tunnels[0];
        tunnel.phase = Phase::Waiting;
        tunnel.fault = Some(Fault::Disconnected {
            server: "m@s:722".into(),
            reason: 2,
            message: "<script>alert(1)</script>".into(),
        });
        tunnel.next_dial = Some(now + Duration::from_secs(7));
        let forward = &tunnel.forwards[0].settings;
        for language in [Language::Fr, Language::En] {
            let page = write(language, tunnel, forward, now);
            assert!(!page.contains("<script"), "{page}");
            assert!(
                page.contains("&lt;script&gt;") && page.contains("7 s"),
                "{page}"
            );
            assert!(!page.contains("http://") && !page.contains("src="));
        }
    }
}
