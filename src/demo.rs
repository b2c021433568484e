//! `passerelle demo`: the whole way on loopback, with nothing to install.
//!
//! An SSH server of our own stands in for the production server, two stand-ins for Grafana and
//! Prometheus. In front of them is the real client, the same engine as `passerelle run`.

pub mod pages;
pub mod server;

use crate::model::{Fault, Language};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use std::error::Error;
use std::io;
use tokio::io::{AsyncRead, AsyncWrite};

/// The longest page that is taken.
const PAGE_LIMIT: usize = 64 * 1024;

/// How the demonstration is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DemoOptions {
    /// Print the address, open no browser.
    pub headless: bool,
    /// End as soon as a page came through.
    pub once: bool,
    /// The language of what it prints, and of its pages.
    pub language: Language,
}

/// Why the demonstration failed.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// Its directory, its keys or its server could not be made.
    #[error("cannot set the stage: {0}")]
    Stage(#[from] io::Error),
    /// The engine ended.
    #[error("the engine ended: {0:?}")]
    Engine(Fault),
}

/// Runs the demonstration until Ctrl-C, or until a page came through.
///
/// # Errors
/// When it cannot be set up, or no page comes through.
pub async fn run(options: DemoOptions) -> Result<(), DemoError> {
    tracing::debug!(?options, "demonstration");
    Err(DemoError::Stage(io::ErrorKind::Unsupported.into()))
}

/// Gets `path` over `stream`, which must lead to an HTTP/1.1 server, and gives the page.
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the client is not built in yet")
)]
async fn fetch<S>(stream: S, host: &str, path: &str) -> Result<String, Box<dyn Error + Send + Sync>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let exchange = async {
        let request = Request::get(path)
            .header(header::HOST, host)
            .body(Empty::<Bytes>::new())?;
        let response = sender.send_request(request).await?;
        if !response.status().is_success() {
            return Err(response.status().to_string().into());
        }
        let body = Limited::new(response.into_body(), PAGE_LIMIT)
            .collect()
            .await?;
        Ok(String::from_utf8(body.to_bytes().into())?)
    };
    tokio::select! {
        biased;
        page = exchange => page,
        // It ends before the page does only when it fails.
        ended = connection => Err(ended.err().map_or_else(|| "closed early".into(), Into::into)),
    }
}
