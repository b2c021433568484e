//! The running program's end of the socket: takes requests, hands them over, passes responses on.

use super::line::{LineError, LineReader, REQUEST_LIMIT, RESPONSE_LIMIT, write_line};
use super::{Refusal, Request, Response};
use crate::platform::{IpcListener, IpcStream};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::WriteHalf;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{sleep, timeout};

/// Connections served at a time; more of them wait to be accepted.
const CONNECTIONS: usize = 64;

/// A verb that has connected says at once what it wants.
const REQUEST_TIME: Duration = Duration::from_secs(5);

/// A verb reads its responses, or is gone.
const RESPONSE_TIME: Duration = Duration::from_secs(5);

/// The pause after a failed accept, so that a lack of descriptors does not become a spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// A request, and where its responses go. The verb's connection is closed when the sender is
/// dropped; the sender is closed when the verb hangs up.
#[derive(Debug)]
pub struct Call {
    /// What is wanted.
    pub request: Request,
    /// Takes the responses.
    pub responses: mpsc::Sender<Response>,
}

/// Takes requests from the listener and hands them to `calls`, until its receiver is gone.
///
/// Dropping the future closes the listener. Connections live on by themselves until their calls are
/// answered, or the runtime ends.
pub async fn serve(mut listener: IpcListener, calls: mpsc::Sender<Call>) {
    let connections = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        // Never closed.
        let Ok(permit) = Arc::clone(&connections).acquire_owned().await else {
            return;
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = calls.closed() => return,
        };
        match accepted {
            Ok(stream) => {
                let calls = calls.clone();
                tokio::spawn(async move {
                    converse(stream, calls).await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a verb");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn converse(stream: IpcStream, calls: mpsc::Sender<Call>) {
    if let Err(error) = exchange(stream, calls).await {
        tracing::debug!(%error, "a verb's connection broke");
    }
}

async fn exchange(stream: IpcStream, calls: mpsc::Sender<Call>) -> Result<(), LineError> {
    let (reader, mut writer) = tokio::io::split(stream);
    let mut lines = LineReader::new(reader, REQUEST_LIMIT);
    let request = match within(REQUEST_TIME, lines.next()).await {
        Ok(Some(request)) => request,
        Ok(None) => return Ok(()),
        Err(error @ LineError::Io(_)) => return Err(error),
        Err(error @ (LineError::TooLong | LineError::Garbled(_))) => {
            let refusal = Response::Refused(Refusal::NotUnderstood {
                detail: error.to_string(),
            });
            return respond(&mut writer, &refusal).await;
        }
    };
    let (sender, mut responses) = mpsc::channel(1);
    let call = Call {
        request,
        responses: sender,
    };
    if calls.send(call).await.is_err() {
        return Ok(());
    }
    loop {
        let response = tokio::select! {
            response = responses.recv() => response,
            () = lines.hung_up() => None,
        };
        let Some(response) = response else {
            return Ok(());
        };
        match respond(&mut writer, &response).await {
            Err(LineError::TooLong) => {
                // Without a word, the verb would take us for dead.
                tracing::warn!("a response is too long to be sent");
                return respond(&mut writer, &Response::Refused(Refusal::TooLong)).await;
            }
            sent => sent?,
        }
    }
}

async fn respond(writer: &mut WriteHalf<IpcStream>, response: &Response) -> Result<(), LineError> {
    within(RESPONSE_TIME, write_line(writer, response, RESPONSE_LIMIT)).await
}

async fn within<T>(
    bound: Duration,
    work: impl Future<Output = Result<T, LineError>>,
) -> Result<T, LineError> {
    timeout(bound, work)
        .await
        .unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))
}
