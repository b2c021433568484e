//! One HTTP/1.1 question and its answer, bounded.

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::header::{ACCEPT, CONNECTION, HOST, LOCATION, USER_AGENT};
use hyper::{Request, StatusCode, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

/// The most that is read of an answer: its head, and its body.
const LARGEST: usize = 64 << 10;

/// How much of an answer is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    /// Its status, and where it redirects to.
    Head,
    /// Its body too.
    Body,
}

/// What of an answer matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// Where a redirection leads.
    pub(super) location: Option<String>,
    pub(super) body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpError {
    #[error("{0}")]
    Protocol(#[from] hyper::Error),
    #[error("the path cannot be asked for: {0}")]
    Path(#[from] hyper::http::Error),
    #[error("the answer breaks off, or is larger than 64 KiB")]
    Body,
    #[error("the answer's Location is not text")]
    Location,
}

/// Asks for `path`, and follows nothing.
pub(super) async fn get(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    host: &str,
    path: &str,
    want: Want,
) -> Result<Answer, HttpError> {
    let request = Request::get(path)
        .header(HOST, host)
        .header(USER_AGENT, "Passerelle")
        .header(ACCEPT, "*/*")
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new())?;
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(LARGEST)
        .handshake(TokioIo::new(stream))
        .await?;
    let exchange = async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let location = match response.headers().get(LOCATION) {
            Some(value) => Some(value.to_str().map_err(|_| HttpError::Location)?.to_owned()),
            None => None,
        };
        let body = match want {
            Want::Head => Bytes::new(),
            Want::Body => Limited::new(response.into_body(), LARGEST)
                .collect()
                .await
                .map_err(|_| HttpError::Body)?
                .to_bytes(),
        };
        Ok(Answer {
            status,
            location,
            body,
        })
    };
    tokio::pin!(exchange, connection);
    tokio::select! {
        answer = &mut exchange => answer,
        // The connection can end before the answer has been taken from it.
        _ = &mut connection => exchange.await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// Asks a service that answers so, and closes; gives what it was asked too.
    async fn ask(answer: &str, want: Want) -> (Result<Answer, HttpError>, String) {
        let (mut ours, mut theirs) = tokio::io::duplex(256 << 10);
        let serving = async {
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                asked.push(theirs.read_u8().await.unwrap());
            }
            // One who has enough does not read to the end.
            let _ = theirs.write_all(answer.as_bytes()).await;
            drop(theirs);
            String::from_utf8(asked).unwrap()
        };
        let asking = async {
            let answer = get(&mut ours, "localhost:3000", "/api/health", want).await;
            drop(ours);
            answer
        };
        tokio::join!(asking, serving)
    }

    #[tokio::test]
    async fn the_question_is_plain() {
        let (answer, asked) =
            ask("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", Want::Body).await;
        let expected = Answer {
            status: StatusCode::OK,
            location: None,
            body: Bytes::from_static(b"ok"),
        };
        assert_eq!(answer.unwrap(), expected);
        assert_eq!(
            asked,
            "GET /api/health HTTP/1.1\r\nhost: localhost:3000\r\nuser-agent: Passerelle\r\n\
             accept: */*\r\nconnection: close\r\n\r\n"
        );
    }

    #[tokio::test]
    async fn a_body_may_end_with_the_connection() {
        let (answer, _) = ask("HTTP/1.0 503 Busy\r\n\r\nwait", Want::Body).await;
        assert_eq!(answer.unwrap().body, "wait");
    }

    #[tokio::test]
    async fn a_redirection_is_told_and_not_followed() {
        let (answer, _) = ask("HTTP/1.1 302 Found\r\nLocation: //x/\r\n\r\n", Want::Head).await;
        assert_eq!(answer.unwrap().location.as_deref(), Some("//x/"));
    }

    #[tokio::test]
    async fn what_is_no_answer_is_an_error() {
        let endless_head = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(100 << 10));
        let endless_body = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(100 << 10));
        for answer in [
            "",
            "SSH-2.0-OpenSSH_9.2\r\n",
            "HTTP/1.1 200",
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
            &endless_head,
            &endless_body,
        ] {
            let (outcome, _) = ask(answer, Want::Body).await;
            assert!(outcome.is_err(), "{}", &answer[..answer.len().min(40)]);
        }
        let (answer, _) = ask(&endless_body, Want::Head).await;
        assert_eq!(answer.unwrap().status, StatusCode::OK);
    }
}
