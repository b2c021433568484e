//! What a browser gets that has waited for the tunnel in vain: a page that says so. Everything else
//! is reset, as without us.

use super::network::{LocalSocket, now, read, write_all};
use crate::model::{ForwardId, ForwardSettings, Phase, Snapshot, TunnelId, TunnelView};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::time::timeout;

/// How long a program may take to say what it wants, to take the answer, and to close.
const PATIENCE: Duration = Duration::from_secs(2);

/// The most that a request's head may have.
const HEAD_MOST: usize = 16 << 10;

/// After so many seconds the page asks again; that request then waits for the tunnel like any other.
pub const RELOAD: u64 = 3;

/// Writes the page, in HTML, for who shows the state in words.
pub type HoldingPage = Arc<dyn Fn(&TunnelView, &ForwardSettings, Instant) -> String + Send + Sync>;

/// The page, and what it tells of.
#[derive(Clone)]
pub struct Holding {
    /// Writes it.
    pub page: HoldingPage,
    /// What is true now.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
}

impl Holding {
    /// Resolves when only the user can bring the tunnel up.
    pub(super) async fn blocked(&self, tunnel: &TunnelId) {
        let mut snapshots = self.snapshots.clone();
        let blocked = |snapshot: &Arc<Snapshot>| {
            let view = snapshot.tunnel(tunnel);
            view.is_some_and(|view| view.phase == Phase::Blocked)
        };
        if snapshots.wait_for(blocked).await.is_err() {
            // The engine has ended, and the forward with it.
            std::future::pending().await
        }
    }

    /// Resolves when the forward's target is avoided.
    pub(super) async fn avoided(&self, forward: &ForwardId) {
        let mut snapshots = self.snapshots.clone();
        let avoided = |snapshot: &Arc<Snapshot>| {
            let view = snapshot.tunnel(&forward.tunnel);
            let mut forwards = view.into_iter().flat_map(|view| &view.forwards);
            forwards.any(|view| view.id() == forward && view.avoided)
        };
        if snapshots.wait_for(avoided).await.is_err() {
            std::future::pending().await
        }
    }

    /// Answers a browser that navigates, in order; resets anyone else.
    pub(super) async fn answer(&self, local: &dyn LocalSocket, settings: &ForwardSettings) {
        let head = match timeout(PATIENCE, read_head(local)).await {
            Ok(Ok(head)) => head,
            Ok(Err(_)) | Err(_) => return,
        };
        let snapshot = Arc::clone(&self.snapshots.borrow());
        let Some(tunnel) = snapshot.tunnel(&settings.id.tunnel) else {
            return;
        };
        if !wants_a_page(&head) {
            return;
        }
        let page = (self.page)(tunnel, settings, now());
        let written = timeout(PATIENCE, write_all(local, &response(&page))).await;
        if !matches!(written, Ok(Ok(()))) || local.end().is_err() {
            return;
        }
        // Closed before the program closes, it could be reset before it has read the page.
        let _ = timeout(PATIENCE, emptied(local)).await;
        local.finish();
    }
}

fn response(page: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 503 Service Unavailable\r\n\
         Content-Type: text/html; charset=utf-8\r\n\
         Content-Length: {}\r\n\
         Retry-After: {RELOAD}\r\n\
         Cache-Control: no-store\r\n\
         Content-Security-Policy: default-src 'none'; style-src 'sha256-{STYLE_HASH}'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n\
         X-Content-Type-Options: nosniff\r\n\
         Referrer-Policy: no-referrer\r\n\
         Connection: close\r\n\r\n{page}",
        page.len()
    )
    .into_bytes()
}

/// The page's style: the only one that its policy lets apply.
pub const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:1rem/1.5 system-ui,sans-serif;margin:0;min-height:100vh;display:grid;place-items:center}\
main{max-width:34rem;padding:2rem}\
h1{font-size:1.4rem;margin:0 0 1rem}\
p{margin:.5rem 0}\
.small{opacity:.7;font-size:.875rem}";

/// SHA-256 of [`STYLE`], in Base64: Content Security Policy Level 3, section 2.3.1.
const STYLE_HASH: &str = "EIoONL3FAwc168/+QqYIz/7sR5UzEDvy24knnrP2oQ8=";

/// Whether it is a browser on this machine that goes to a page: what fetches data for a page that is
/// shown would take ours for that data.
fn wants_a_page(head: &str) -> bool {
    let mut lines = head.split("\r\n");
    let first = lines.next().unwrap_or_default();
    let headers: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(':')).collect();
    let header = |name: &str| {
        let mut found = headers
            .iter()
            .filter(|(it, _)| it.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.trim())
    };
    let is_page = match header("sec-fetch-mode") {
        Some(mode) => mode == "navigate",
        None => header("accept").is_some_and(|types| types.contains("text/html")),
    };
    first.starts_with("GET ") && is_page && header("host").is_some_and(is_this_machine)
}

/// By another name it could be a foreign page that has pointed its own name at us (DNS rebinding).
fn is_this_machine(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, port)| {
        let is_port = port.bytes().all(|byte| byte.is_ascii_digit());
        if is_port { name } else { host }
    });
    name.eq_ignore_ascii_case("localhost") || name == "[::1]" || is_loopback(name)
}

fn is_loopback(name: &str) -> bool {
    name.parse::<std::net::Ipv4Addr>()
        .is_ok_and(|address| address.is_loopback())
}

async fn read_head(local: &dyn LocalSocket) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let bytes = read(local).await?;
        if bytes.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        head.extend_from_slice(&bytes);
        if head.len() > HEAD_MOST {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

async fn emptied(local: &dyn LocalSocket) -> io::Result<()> {
    while !read(local).await?.is_empty() {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "GET /d/home HTTP/1.1\r\nHost: localhost:3000\r\nAccept: text/html,*/*\r\n";

    #[test]
    fn a_page_is_for_who_goes_to_one_on_this_machine() {
        assert!(wants_a_page(PAGE));
        assert!(wants_a_page(
            &PAGE.replace("localhost:3000", "127.0.0.1:3000")
        ));
        assert!(wants_a_page(&PAGE.replace("localhost:3000", "[::1]:3000")));
        assert!(wants_a_page(&PAGE.replace("localhost:3000", "[::1]")));
        assert!(wants_a_page(&format!("{PAGE}Sec-Fetch-Mode: navigate\r\n")));
        assert!(!wants_a_page(&format!("{PAGE}sec-fetch-mode: cors\r\n")));
        assert!(!wants_a_page(
            &PAGE.replace("text/html", "application/json")
        ));
        assert!(!wants_a_page(&PAGE.replace("GET", "POST")));
        assert!(!wants_a_page(&PAGE.replace("localhost", "evil.example")));
        assert!(!wants_a_page(
            &PAGE.replace("localhost:3000", "localhost.evil:80")
        ));
        assert!(!wants_a_page("SSH-2.0-OpenSSH_9.2\r\n"));
    }

    #[test]
    fn the_policy_lets_the_style_apply() {
        let digest = ring::digest::digest(&ring::digest::SHA256, STYLE.as_bytes());
        assert_eq!(base64(digest.as_ref()), STYLE_HASH);
    }

    fn base64(bytes: &[u8]) -> String {
        const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut text = String::new();
        for group in bytes.chunks(3) {
            let mut number = 0_usize;
            for index in 0..3 {
                number = number << 8 | usize::from(*group.get(index).unwrap_or(&0));
            }
            for index in 0..4 {
                let digit = DIGITS[number >> (18 - 6 * index) & 63];
                text.push(if index <= group.len() {
                    digit.into()
                } else {
                    '='
                });
            }
        }
        text
    }

    #[test]
    fn the_length_counts_bytes() {
        let text = String::from_utf8(response("é")).unwrap();
        assert!(text.contains("\r\nContent-Length: 2\r\n") && text.ends_with("\r\n\r\né"));
    }
}
