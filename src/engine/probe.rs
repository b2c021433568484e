//! Asks the service behind a forward how it is: through the session, never through the local port,
//! where something else could answer.

mod http;
mod judge;
mod stream;

use super::link::{Link, OpenError};
use crate::model::{ForwardSettings, Health, HealthCheck, HealthReason, HealthState};
use http::{Answer, Want};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use stream::ChannelStream;

/// How long a probe may take, all its questions together.
const DEADLINE: Duration = Duration::from_secs(5);

/// Asks once. It takes 5 s and reads 64 KiB of each answer at most.
///
/// After a web service with a page to open has said that it works, that page is asked for too: one
/// that would send the browser to another address is of no use behind a tunnel.
pub async fn probe(link: &Link, forward: &ForwardSettings) -> Health {
    let asking = async {
        tokio::select! {
            health = ask(link, forward) => health,
            // Nothing can be said of the service; the session itself tells what happened.
            () = link.closed() => Health::default(),
        }
    };
    tokio::time::timeout(DEADLINE, asking)
        .await
        .unwrap_or_else(|_| no_answer(forward))
}

async fn ask(link: &Link, forward: &ForwardSettings) -> Health {
    let health = match &forward.health {
        HealthCheck::None => return Health::ok(),
        HealthCheck::Tcp => {
            return match open(link, forward).await {
                Ok(_) => Health::ok(),
                Err(health) => health,
            };
        }
        HealthCheck::Grafana => {
            let path = judge::grafana_path(forward.open.as_deref());
            get(link, forward, &path, Want::Body)
                .await
                .map(|answer| judge::grafana(&answer))
        }
        HealthCheck::Prometheus => get(link, forward, "/-/ready", Want::Head)
            .await
            .map(|answer| judge::prometheus(answer.status)),
        HealthCheck::Http { path, status } => get(link, forward, path, Want::Head)
            .await
            .map(|answer| judge::custom(answer.status, status)),
    };
    let health = health.unwrap_or_else(|health| health);
    let Some(page) = forward.open.as_deref() else {
        return health;
    };
    if health.state != HealthState::Ok {
        return health;
    }
    match get(link, forward, page, Want::Head).await {
        Ok(answer) => judge::page(&answer, forward.local).unwrap_or(health),
        Err(failed) => failed,
    }
}

/// One question to the service, or what it means that there is no answer.
async fn get(
    link: &Link,
    forward: &ForwardSettings,
    path: &str,
    want: Want,
) -> Result<Answer, Health> {
    let mut stream = open(link, forward).await?;
    let answer = http::get(&mut stream, &forward.local.authority(), path, want).await;
    answer.map_err(|error| {
        let detail = error.to_string();
        Health::because(HealthState::Failing, HealthReason::NotHttp { detail })
    })
}

/// A connection to the service, which leaves in order when it is dropped.
async fn open(link: &Link, forward: &ForwardSettings) -> Result<ChannelStream, Health> {
    // RFC 4254 section 7.2 wants an originator; this connection has none.
    let originator = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    match link.open(&forward.remote, originator).await {
        Ok(channel) => ChannelStream::new(channel).ok_or_else(Health::default),
        Err(error) => Err(not_opened(forward, error)),
    }
}

fn not_opened(forward: &ForwardSettings, error: OpenError) -> Health {
    let remote = forward.remote.to_string();
    match error {
        OpenError::Refused => {
            Health::because(HealthState::Unreachable, HealthReason::Refused { remote })
        }
        OpenError::Prohibited => Health::because(
            HealthState::Prohibited,
            HealthReason::AdministrativelyProhibited { remote },
        ),
        OpenError::Unavailable(detail) => Health::because(
            HealthState::Unreachable,
            HealthReason::ConnectFailed { remote, detail },
        ),
        OpenError::Timeout => no_answer(forward),
        OpenError::SessionGone => Health::default(),
    }
}

fn no_answer(forward: &ForwardSettings) -> Health {
    let remote = forward.remote.to_string();
    Health::because(HealthState::Unreachable, HealthReason::NoAnswer { remote })
}
