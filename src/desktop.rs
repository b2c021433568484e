//! The user's desktop: whether there is one to show something on, its browser, its editor.

pub use crate::platform::has_display;

use crate::platform;
use hyper::Uri;
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// How long a browser may take to start.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// Why nothing was opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrowserError {
    /// The address is not one of a forward of ours: http or https, on loopback.
    #[error("not an http(s) address on loopback")]
    Foreign,
    /// There is nothing to show it on, and `BROWSER` names no program that could do without.
    #[error("no display")]
    NoDisplay,
    /// No browser was found, or it did not start.
    #[error("{0}")]
    Failed(String),
    /// It did not say in 10 s whether it started.
    #[error("no answer within {} s", START_TIMEOUT.as_secs())]
    Timeout,
}

/// Opens `url` in the user's browser, once. Only http(s) on loopback, whatever the caller was told.
///
/// # Errors
/// [`BrowserError`].
pub async fn open_in_browser(url: &str) -> Result<(), BrowserError> {
    if !is_ours(url) {
        return Err(BrowserError::Foreign);
    }
    if !has_display() && std::env::var_os("BROWSER").is_none() {
        return Err(BrowserError::NoDisplay);
    }
    let (done, outcome) = oneshot::channel();
    let url = url.to_owned();
    // A thread and no blocking task: a browser that hangs must not hold up our own end.
    std::thread::Builder::new()
        .name("browser".to_owned())
        .spawn(move || done.send(webbrowser::open(&url)))
        .map_err(|error| BrowserError::Failed(error.to_string()))?;
    match timeout(START_TIMEOUT, outcome).await {
        Ok(Ok(Ok(()))) => Ok(()),
        Ok(Ok(Err(error))) => Err(BrowserError::Failed(error.to_string())),
        Ok(Err(_)) => Err(BrowserError::Failed("it panicked".to_owned())),
        Err(_) => Err(BrowserError::Timeout),
    }
}

/// Opens a text file in the user's editor.
///
/// # Errors
/// When there is no editor, or it fails at once; one that runs on is one that shows the file.
pub async fn open_in_editor(file: &Path) -> io::Result<()> {
    let mut command = platform::text_editor();
    command.arg(file).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut editor = command.spawn()?;
    let (done, outcome) = oneshot::channel();
    // A child that nobody waits for would stay as a zombie.
    std::thread::Builder::new()
        .name("editor".to_owned())
        .spawn(move || done.send(editor.wait()))?;
    match timeout(START_TIMEOUT, outcome).await {
        Ok(Ok(status)) if !status.as_ref().is_ok_and(ExitStatus::success) => {
            Err(io::Error::other(format!("{}", status?)))
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

fn is_ours(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else {
        return false;
    };
    let web = matches!(uri.scheme_str(), Some("http" | "https"));
    let plain = uri
        .authority()
        .is_some_and(|authority| !authority.as_str().contains('@'));
    let loopback = uri.host().is_some_and(|host| {
        let address = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost"
            || address
                .parse::<IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    });
    web && plain && loopback
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_addresses_on_loopback_are_opened() {
        for ours in [
            "http://localhost:3000/",
            "http://127.0.0.1:9090/graph?g0.expr=up",
            "https://[::1]:3000/d/abc",
        ] {
            assert!(is_ours(ours), "{ours}");
        }
        for foreign in [
            "http://example.org/",
            "http://localhost.example.org/",
            "http://localhost@example.org/",
            "http://user:word@localhost/",
            "http://10.0.0.1/",
            "file:///etc/passwd",
            "ftp://localhost/",
            "javascript:alert(1)",
            "//localhost/",
            "localhost:3000",
            "--version",
            "",
        ] {
            assert!(!is_ours(foreign), "{foreign}");
        }
    }

    #[tokio::test]
    async fn a_foreign_address_never_reaches_the_browser() {
        let outcome = open_in_browser("file:///etc/passwd").await;
        assert_eq!(outcome, Err(BrowserError::Foreign));
    }
}
