//! A verb's end of the socket.

use super::line::{LineError, LineReader, REQUEST_LIMIT, RESPONSE_LIMIT, write_line};
use super::{Request, Response};
use crate::paths::Paths;
use crate::platform::{IpcStream, ipc_connect};
use std::io;
use std::time::Duration;
use tokio::io::{ReadHalf, WriteHalf};
use tokio::time::timeout;

/// A running program that is not stuck takes a connection and a request at once.
const REQUEST_TIME: Duration = Duration::from_secs(5);

/// Why the running program could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// None runs on these paths.
    #[error("not running")]
    NotRunning,
    /// It does not answer in time.
    #[error("no answer in time")]
    Timeout,
    /// The connection failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// What it says is not understood: it is of another version.
    #[error("not understood: {0}")]
    Garbled(String),
}

/// The responses to one request, in their order.
pub struct Replies {
    lines: LineReader<ReadHalf<IpcStream>>,
    /// The connection stays whole as long as responses are wanted.
    _writer: WriteHalf<IpcStream>,
}

/// Sends the request to the program that runs on these paths.
///
/// # Errors
/// When none runs, or it cannot be reached.
pub async fn call(paths: &Paths, request: &Request) -> Result<Replies, CallError> {
    within(REQUEST_TIME, async {
        let stream = ipc_connect(paths).await.map_err(|error| {
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
            ) {
                CallError::NotRunning
            } else {
                CallError::Io(error)
            }
        })?;
        let (reader, mut writer) = tokio::io::split(stream);
        write_line(&mut writer, request, REQUEST_LIMIT).await?;
        Ok(Replies {
            lines: LineReader::new(reader, RESPONSE_LIMIT),
            _writer: writer,
        })
    })
    .await
}

impl Replies {
    /// The next response; `None` when there is no more. `bound` is the longest wait; without one it
    /// waits as long as the program runs.
    ///
    /// # Errors
    /// When nothing comes in time, or the connection fails.
    pub async fn next(&mut self, bound: Option<Duration>) -> Result<Option<Response>, CallError> {
        let next = async { Ok(self.lines.next().await?) };
        match bound {
            Some(bound) => within(bound, next).await,
            None => next.await,
        }
    }
}

impl From<LineError> for CallError {
    fn from(error: LineError) -> Self {
        match error {
            LineError::Io(error) => Self::Io(error),
            LineError::TooLong | LineError::Garbled(_) => Self::Garbled(error.to_string()),
        }
    }
}

async fn within<T>(
    bound: Duration,
    work: impl Future<Output = Result<T, CallError>>,
) -> Result<T, CallError> {
    timeout(bound, work)
        .await
        .unwrap_or(Err(CallError::Timeout))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipc::{Call, Refusal, SecretText, serve};
    use crate::model::{Language, Secret};
    use crate::platform::{IpcListener, create_private_dir};
    use std::path::Path;
    use tokio::io::AsyncWriteExt;
    use tokio::sync::mpsc;

    const SOON: Option<Duration> = Some(Duration::from_secs(10));

    fn paths(root: &Path) -> Paths {
        create_private_dir(root).unwrap();
        Paths {
            config_file: root.join("config.toml"),
            state_dir: root.to_path_buf(),
            user_known_hosts: None,
        }
    }

    fn serving(paths: &Paths) -> mpsc::Receiver<Call> {
        let (sender, calls) = mpsc::channel(1);
        tokio::spawn(serve(IpcListener::bind(paths).unwrap(), sender));
        calls
    }

    #[tokio::test]
    async fn a_request_arrives_whole_and_its_responses_come_in_order() {
        let root = tempfile::tempdir().unwrap();
        let paths = paths(root.path());
        let mut calls = serving(&paths);
        let request = Request::SetPassword {
            tunnel: Some("Production é".into()),
            value: SecretText(Secret::new("pa\"ss\nword".into())),
            remember: true,
        };
        let mut replies = call(&paths, &request).await.unwrap();
        let taken = calls.recv().await.unwrap();
        assert_eq!(taken.request, request);
        assert!(!format!("{:?}", taken.request).contains("pa\"ss"));
        for keys in 0..3 {
            taken
                .responses
                .send(Response::Forgot { keys })
                .await
                .unwrap();
        }
        drop(taken);
        for keys in 0..3 {
            let response = replies.next(SOON).await.unwrap();
            assert_eq!(response, Some(Response::Forgot { keys }));
        }
        assert_eq!(replies.next(SOON).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_caller_that_hangs_up_is_noticed() {
        let root = tempfile::tempdir().unwrap();
        let paths = paths(root.path());
        let mut calls = serving(&paths);
        let watch = Request::Watch {
            language: Language::En,
        };
        let replies = call(&paths, &watch).await.unwrap();
        let taken = calls.recv().await.unwrap();
        drop(replies);
        timeout(Duration::from_secs(10), taken.responses.closed())
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn nonsense_is_refused_and_the_next_caller_is_served() {
        let root = tempfile::tempdir().unwrap();
        let paths = paths(root.path());
        let mut calls = serving(&paths);
        for nonsense in [
            "nonsense\n".to_owned(),
            "{\"fly\":{}}\n".to_owned(),
            "x".repeat(REQUEST_LIMIT),
        ] {
            let mut stream = ipc_connect(&paths).await.unwrap();
            stream.write_all(nonsense.as_bytes()).await.unwrap();
            let mut lines = LineReader::new(stream, RESPONSE_LIMIT);
            let response = lines.next::<Response>().await.unwrap();
            assert!(matches!(
                response,
                Some(Response::Refused(Refusal::NotUnderstood { .. }))
            ));
        }
        call(&paths, &Request::Quit).await.unwrap();
        assert_eq!(calls.recv().await.unwrap().request, Request::Quit);
    }

    #[tokio::test]
    async fn a_response_that_cannot_be_sent_is_told() {
        let root = tempfile::tempdir().unwrap();
        let paths = paths(root.path());
        let mut calls = serving(&paths);
        let watch = Request::Watch {
            language: Language::En,
        };
        let mut replies = call(&paths, &watch).await.unwrap();
        let taken = calls.recv().await.unwrap();
        let long = Response::Accepted {
            fingerprint: "x".repeat(RESPONSE_LIMIT),
        };
        for response in [Response::Done, long] {
            taken.responses.send(response).await.unwrap();
        }
        assert_eq!(replies.next(SOON).await.unwrap(), Some(Response::Done));
        let told = Response::Refused(Refusal::TooLong);
        assert_eq!(replies.next(SOON).await.unwrap(), Some(told));
    }

    #[tokio::test]
    async fn nobody_there_is_told_apart() {
        let root = tempfile::tempdir().unwrap();
        let refused = call(&paths(root.path()), &Request::Quit).await.err();
        assert!(matches!(refused, Some(CallError::NotRunning)));
    }

    #[tokio::test]
    async fn a_silent_program_is_given_up() {
        let root = tempfile::tempdir().unwrap();
        let paths = paths(root.path());
        let _calls = serving(&paths);
        let mut replies = call(&paths, &Request::Quit).await.unwrap();
        let given_up = replies.next(Some(Duration::from_millis(50))).await;
        assert!(matches!(given_up, Err(CallError::Timeout)));
    }
}
