//! `open`: a service in the browser, once it works.

use super::exit::{Exit, Failure};
use super::{AT_ONCE, Context, print};
use crate::desktop;
use crate::i18n::{clean, health_of_code, verbs as words};
use crate::ipc::{Refusal, Request, Response};
use crate::model::{Language, Phase, TunnelReport};
use std::time::Duration;

/// Waits until the forward works, then opens its address, or prints it.
pub(super) async fn open(
    cx: &Context,
    forward: Option<String>,
    print: bool,
    patience: Duration,
) -> Result<(), Failure> {
    let request = Request::Open {
        forward,
        patience: u64::try_from(patience.as_millis()).unwrap_or(u64::MAX),
        language: cx.language,
    };
    let mut replies = cx.call(&request).await?;
    let bound = patience.saturating_add(AT_ONCE);
    let response = cx.next(&mut replies, Some(bound)).await?;
    let response = response.ok_or_else(|| cx.refused(Refusal::Ending))?;
    if let Response::DoesNotWork { forward, tunnel } = response {
        return Err(does_not_work(cx.language, &forward, &tunnel));
    }
    let Response::Works { url } = response else {
        return Err(cx.unexpected());
    };
    if print {
        print::line(clean(&url))
    } else {
        show(cx, &url).await
    }
}

async fn show(cx: &Context, url: &str) -> Result<(), Failure> {
    desktop::open_in_browser(url).await.map_err(|error| {
        Failure::new(
            Exit::Failed,
            words::browser_failed(cx.language, url, &error.to_string()),
        )
    })
}

fn does_not_work(l: Language, name: &str, tunnel: &TunnelReport) -> Failure {
    let exit = if tunnel.phase == Phase::Blocked.code() {
        Exit::Blocked
    } else {
        Exit::TimedOut
    };
    let forward = tunnel.forwards.iter().find(|forward| forward.name == name);
    let reason = match (&tunnel.fault, forward) {
        (Some(fault), _) => format!("{} {}", fault.message, fault.hint),
        (None, Some(forward)) if !forward.detail.is_empty() => forward.detail.clone(),
        (None, Some(forward)) => health_of_code(l, &forward.health),
        (None, None) => String::new(),
    };
    // The reason is in words already; only the name is the configuration's.
    Failure::new(exit, format!("{} {reason}", words::not_yet(l, name)))
}
