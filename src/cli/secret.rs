//! `secret` and `answer`: what is secret comes from the terminal or from standard input, never from
//! an argument, which every program of the machine could read.

use super::args::SecretVerb;
use super::exit::{Exit, Failure};
use super::{Context, status, switch};
use crate::app::prompt::Terminal;
use crate::i18n::{clean, verbs as words};
use crate::ipc::{Refusal, Reply, Request, SecretText};
use crate::model::{QuestionReport, Secret, TunnelReport};
use std::io::{self, IsTerminal, Read};
use zeroize::Zeroizing;

/// The most to read from standard input, in bytes.
const LONGEST_INPUT: usize = 16 * 1024;

/// Runs the verb.
pub(super) async fn secret(cx: &Context, verb: SecretVerb) -> Result<(), Failure> {
    match verb {
        SecretVerb::Set { tunnel, temporary } => {
            // A name that is wrong is told before anything is asked.
            let status = status::current(cx).await?;
            if let Some(name) = &tunnel {
                status::named(&status.tunnels, name).map_err(|refusal| cx.refused(refusal))?;
            }
            let label = words::password_label(cx.language);
            let mut given = Given::new(cx)?;
            let request = Request::SetPassword {
                tunnel,
                value: not_empty(cx, given.secret(&label)?)?,
                remember: !temporary,
            };
            switch::done(cx, &request).await
        }
        SecretVerb::Clear { tunnel } => switch::done(cx, &Request::ClearSecrets { tunnel }).await,
    }
}

/// Answers the question that the tunnel asks, or the only one that stands.
pub(super) async fn answer(
    cx: &Context,
    name: Option<String>,
    remember: bool,
    cancel: bool,
) -> Result<(), Failure> {
    let status = status::current(cx).await?;
    let (tunnel, question) =
        asking(&status.tunnels, name.as_deref()).map_err(|refusal| cx.refused(refusal))?;
    let answer = if cancel {
        Reply::Cancel
    } else {
        read_answer(cx, question, remember)?
    };
    let request = Request::Answer {
        tunnel: tunnel.name.clone(),
        question: question.id,
        answer,
    };
    switch::done(cx, &request).await
}

fn asking<'a>(
    tunnels: &'a [TunnelReport],
    name: Option<&str>,
) -> Result<(&'a TunnelReport, &'a QuestionReport), Refusal> {
    if let Some(name) = name {
        let tunnel = status::named(tunnels, name)?;
        let question = tunnel.question.as_ref().ok_or(Refusal::NothingAsked)?;
        return Ok((tunnel, question));
    }
    let asks = |tunnel: &'a TunnelReport| Some((tunnel, tunnel.question.as_ref()?));
    let all: Vec<_> = tunnels.iter().filter_map(asks).collect();
    match all.as_slice() {
        [] => Err(Refusal::NothingAsked),
        [only] => Ok(*only),
        several => Err(Refusal::WhichTunnel {
            known: several
                .iter()
                .map(|(tunnel, _)| tunnel.name.clone())
                .collect(),
        }),
    }
}

fn read_answer(cx: &Context, question: &QuestionReport, remember: bool) -> Result<Reply, Failure> {
    if question.kind == "host_key" {
        let message = format!(
            "{} {}",
            question.message,
            words::accept_or_forget(cx.language)
        );
        return Err(Failure::new(Exit::Failed, message));
    }
    let mut given = Given::new(cx)?;
    if question.kind != "interactive" {
        let label = format!("{} ", question.message);
        let value = not_empty(cx, given.secret(&label)?)?;
        return Ok(Reply::Secret { value, remember });
    }
    given.say(&question.message);
    let fields = question.prompts.iter().map(|(label, echo)| {
        let label = format!("{} ", clean(label));
        if *echo {
            given.shown(&label)
        } else {
            given.secret(&label)
        }
        .map(SecretText)
    });
    fields.collect::<Result<_, _>>().map(Reply::Responses)
}

fn not_empty(cx: &Context, secret: Secret) -> Result<SecretText, Failure> {
    if secret.expose().is_empty() {
        return Err(Failure::new(Exit::Failed, words::empty_secret(cx.language)));
    }
    Ok(SecretText(secret))
}

/// Where the user's answers come from.
struct Given<'a> {
    cx: &'a Context,
    /// The lines of standard input that are left, last one first; `None`: the terminal is asked.
    lines: Option<Vec<Secret>>,
}

impl<'a> Given<'a> {
    fn new(cx: &'a Context) -> Result<Self, Failure> {
        let lines = if io::stdin().is_terminal() {
            None
        } else {
            let lines = read_lines(io::stdin().lock());
            Some(lines.map_err(|error| unreadable(cx, &error))?)
        };
        Ok(Self { cx, lines })
    }

    fn say(&self, text: &str) {
        if self.lines.is_none() {
            super::print::complaint(text);
        }
    }

    fn secret(&mut self, label: &str) -> Result<Secret, Failure> {
        self.field(|| Terminal::default().read_secret(label))
    }

    fn shown(&mut self, label: &str) -> Result<Secret, Failure> {
        self.field(|| Terminal::default().read_line(label).map(Secret::new))
    }

    fn field(&mut self, typed: impl FnOnce() -> io::Result<Secret>) -> Result<Secret, Failure> {
        match &mut self.lines {
            Some(lines) => lines
                .pop()
                .ok_or_else(|| Failure::new(Exit::Failed, words::too_few_lines(self.cx.language))),
            None => typed().map_err(|error| unreadable(self.cx, &error)),
        }
    }
}

fn unreadable(cx: &Context, error: &io::Error) -> Failure {
    Failure::new(
        Exit::Failed,
        words::cannot_read(cx.language, &error.to_string()),
    )
}

/// All lines, without their ends, last one first.
fn read_lines(input: impl Read) -> io::Result<Vec<Secret>> {
    // Its room is allocated once: growing would leave copies behind.
    let mut text = Zeroizing::new(Vec::with_capacity(LONGEST_INPUT + 1));
    input
        .take(LONGEST_INPUT as u64 + 1)
        .read_to_end(&mut text)?;
    if text.len() > LONGEST_INPUT {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let text = std::str::from_utf8(&text).map_err(|_| io::ErrorKind::InvalidData)?;
    Ok(text
        .lines()
        .rev()
        .map(|line| Secret::new(line.to_owned()))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(input: &[u8]) -> Vec<String> {
        let lines = read_lines(input).unwrap();
        let lines = lines.iter().rev();
        lines.map(|line| line.expose().to_owned()).collect()
    }

    #[test]
    fn each_line_is_an_answer_as_it_stands() {
        assert_eq!(lines(b" pass word \r\ncode\n"), [" pass word ", "code"]);
        assert_eq!(lines("é\n\nlast".as_bytes()), ["é", "", "last"]);
        assert_eq!(lines(b""), [""; 0]);
    }

    #[test]
    fn endless_or_binary_input_is_refused() {
        assert!(read_lines(io::repeat(b'x')).is_err());
        assert!(read_lines(&b"\xff\n"[..]).is_err());
    }

    fn tunnel(name: &str, question: Option<u64>) -> TunnelReport {
        TunnelReport {
            name: name.into(),
            target: "up".into(),
            phase: "blocked".into(),
            since: String::new(),
            server: String::new(),
            attempt: 1,
            rtt_ms: None,
            next_dial: None,
            fault: None,
            question: question.map(|id| QuestionReport {
                id,
                kind: "password".into(),
                message: String::new(),
                fingerprint: None,
                algorithm: None,
                prompts: Vec::new(),
            }),
            forwards: Vec::new(),
        }
    }

    #[test]
    fn the_only_question_needs_no_name() {
        let tunnels = [tunnel("A", None), tunnel("B", Some(7))];
        assert_eq!(asking(&tunnels, None).unwrap().1.id, 7);
        assert_eq!(asking(&tunnels, Some("b")).unwrap().1.id, 7);
        assert_eq!(
            asking(&tunnels, Some("A")).unwrap_err(),
            Refusal::NothingAsked
        );
        let tunnels = [tunnel("A", Some(6)), tunnel("B", Some(7))];
        let known = vec!["A".to_owned(), "B".to_owned()];
        assert_eq!(
            asking(&tunnels, None).unwrap_err(),
            Refusal::WhichTunnel { known }
        );
    }
}
