//! The kinds of value: how each is read from TOML, and how it is written.

use super::error::{Allowed, Counted, Problem};
use super::keys;
use super::report::{Report, closest};
use crate::model::{AuthMethod, HealthCheck, Language, LocalBind, RemoteTarget};
use crate::paths::expand_home;
use std::net::{Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeArray, DeValue};

/// A value as the parser gives it.
pub(super) type Node<'a> = Spanned<DeValue<'a>>;

/// A kind of value.
pub(super) struct Shape<T: 'static> {
    /// What is right, for messages.
    pub(super) allowed: Allowed,
    /// The value, or `None` after reporting why not.
    pub(super) read: fn(&Node<'_>, &mut Report<'_>) -> Option<T>,
    /// The value in TOML's notation.
    pub(super) show: fn(&T) -> String,
}

/// The interface's language; `None`: as the system says.
pub(super) static LANGUAGE: Shape<Option<Language>> = Shape {
    allowed: Allowed::Word(&LANGUAGE_WORDS),
    read: |node, report| word(&LANGUAGES, text(node, report)?, node, report),
    show: |language| quoted(word_of(&LANGUAGES, language)),
};

/// What a tunnel or a forward is called.
pub(super) static NAME: Shape<String> = Shape {
    allowed: Allowed::Name,
    read: |node, report| {
        text_that(node, report, |name| {
            name.trim() == name && name.chars().count() <= 64 && one_line(name)
        })
    },
    show: |name| quoted(name),
};

/// The name or address of a server.
pub(super) static HOST: Shape<String> = Shape {
    allowed: Allowed::Host,
    read: |node, report| text_that(node, report, is_host),
    show: |host| quoted(host),
};

/// An account.
pub(super) static USER: Shape<String> = Shape {
    allowed: Allowed::User,
    read: |node, report| {
        text_that(node, report, |user| {
            user.trim() == user && user.chars().count() <= LONGEST_USER && one_line(user)
        })
    },
    show: |user| quoted(user),
};

/// The longest [`USER`], in characters. Gateways take one that names account, server and domain.
const LONGEST_USER: usize = 256;

/// A TCP port.
pub(super) static PORT: Shape<u16> = Shape {
    allowed: Allowed::Port,
    read: port,
    show: u16::to_string,
};

/// Yes or no.
pub(super) static FLAG: Shape<bool> = Shape {
    allowed: Allowed::Flag,
    read: |node, report| {
        let flag = node.get_ref().as_bool();
        flag.or_else(|| wrong_type(node, report))
    },
    show: bool::to_string,
};

/// A time within which something is still waited for.
pub(super) static SHORT_TIME: Shape<Duration> = Shape {
    allowed: Allowed::ShortTime,
    read: |node, report| {
        let written = text(node, report)?;
        let time = humantime::parse_duration(written).ok();
        time.filter(|time| *time <= LONGEST)
            .or_else(|| malformed(node, written, report))
    },
    show: |time| quoted(&humantime::format_duration(*time).to_string()),
};

/// The longest [`SHORT_TIME`].
const LONGEST: Duration = Duration::from_secs(60);

/// Credentials, in order.
pub(super) static AUTH: Shape<Vec<AuthMethod>> = Shape {
    allowed: Allowed::Words(&AUTH_WORDS),
    read: |node, report| {
        non_empty_list(node, report, Allowed::Word(&AUTH_WORDS), |item, report| {
            word(&AUTH_METHODS, text(item, report)?, item, report)
        })
    },
    show: |methods| shown_list(methods, |method| quoted(word_of(&AUTH_METHODS, method))),
};

/// Key files.
pub(super) static FILES: Shape<Vec<PathBuf>> = Shape {
    allowed: Allowed::Files,
    read: |node, report| list(node, report, Counted::KeyFiles, Allowed::Files, file),
    show: |files| shown_list(files, |file| quoted(&file.to_string_lossy())),
};

/// Host key fingerprints.
pub(super) static FINGERPRINTS: Shape<Vec<String>> = Shape {
    allowed: Allowed::Fingerprints,
    read: |node, report| {
        let items = Counted::Items;
        list(
            node,
            report,
            items,
            Allowed::Fingerprints,
            |item, report| text_that(item, report, is_fingerprint),
        )
    },
    show: |pins| shown_list(pins, |pin| quoted(pin)),
};

/// Where a forward listens.
pub(super) static LOCAL_BIND: Shape<LocalBind> = Shape {
    allowed: Allowed::LocalBind,
    read: local_bind,
    show: |bind| match bind {
        LocalBind::Port(port) => port.to_string(),
        LocalBind::Address(address) => quoted(&address.to_string()),
    },
};

/// Where a forward leads.
pub(super) static REMOTE_TARGET: Shape<RemoteTarget> = Shape {
    allowed: Allowed::RemoteTarget,
    read: remote_target,
    show: |target| quoted(&target.to_string()),
};

/// How a service is asked whether it works.
pub(super) static HEALTH_CHECK: Shape<HealthCheck> = Shape {
    allowed: Allowed::HealthCheck(&HEALTH_WORDS),
    read: health_check,
    show: |check| match check {
        HealthCheck::Http { path, status } => format!(
            "{{ path = {}, status = {} }}",
            (URL_PATH.show)(path),
            (STATUS_CODES.show)(status)
        ),
        HealthCheck::Grafana | HealthCheck::Prometheus | HealthCheck::Tcp | HealthCheck::None => {
            quoted(word_of(&HEALTH_CHECKS, check))
        }
    },
};

/// The path of a page.
pub(super) static URL_PATH: Shape<String> = Shape {
    allowed: Allowed::UrlPath,
    read: |node, report| text_that(node, report, is_url_path),
    show: |path| quoted(path),
};

/// The longest [`URL_PATH`], in characters.
const LONGEST_PATH: usize = 2048;

/// What a service may answer.
pub(super) static STATUS_CODES: Shape<Vec<u16>> = Shape {
    allowed: Allowed::StatusCodes,
    read: |node, report| non_empty_list(node, report, Allowed::StatusCodes, status_code),
    show: |codes| shown_list(codes, u16::to_string),
};

static LANGUAGES: [(&str, Option<Language>); 3] = [
    ("auto", None),
    ("fr", Some(Language::Fr)),
    ("en", Some(Language::En)),
];
static LANGUAGE_WORDS: [&str; 3] = words(&LANGUAGES);

static AUTH_METHODS: [(&str, AuthMethod); 3] = [
    ("agent", AuthMethod::Agent),
    ("key", AuthMethod::Key),
    ("password", AuthMethod::Password),
];
static AUTH_WORDS: [&str; 3] = words(&AUTH_METHODS);

static HEALTH_CHECKS: [(&str, HealthCheck); 4] = [
    ("grafana", HealthCheck::Grafana),
    ("prometheus", HealthCheck::Prometheus),
    ("tcp", HealthCheck::Tcp),
    ("none", HealthCheck::None),
];
static HEALTH_WORDS: [&str; 4] = words(&HEALTH_CHECKS);

const fn words<T, const N: usize>(meanings: &[(&'static str, T); N]) -> [&'static str; N] {
    let mut words = [""; N];
    let mut i = 0;
    while i < N {
        words[i] = meanings[i].0;
        i += 1;
    }
    words
}

fn word<T: Clone>(
    meanings: &[(&'static str, T)],
    written: &str,
    node: &Node<'_>,
    report: &mut Report<'_>,
) -> Option<T> {
    let meaning = meanings.iter().find(|(word, _)| *word == written);
    if meaning.is_none() {
        report.add(
            node.span(),
            Problem::UnknownWord {
                found: written.to_owned(),
                suggestion: closest(written, meanings.iter().map(|(word, _)| *word)),
            },
        );
    }
    meaning.map(|(_, value)| value.clone())
}

fn word_of<T: PartialEq>(meanings: &[(&'static str, T)], value: &T) -> &'static str {
    let meaning = meanings.iter().find(|(_, meaning)| meaning == value);
    meaning.map_or("", |(word, _)| word)
}

fn text<'n>(node: &'n Node<'_>, report: &mut Report<'_>) -> Option<&'n str> {
    let text = node
        .get_ref()
        .as_str()
        .or_else(|| wrong_type(node, report))?;
    if text.is_empty() {
        report.add(node.span(), Problem::Empty);
        return None;
    }
    Some(text)
}

fn text_that(
    node: &Node<'_>,
    report: &mut Report<'_>,
    is_right: fn(&str) -> bool,
) -> Option<String> {
    let text = text(node, report)?;
    if is_right(text) {
        Some(text.to_owned())
    } else {
        malformed(node, text, report)
    }
}

fn port(node: &Node<'_>, report: &mut Report<'_>) -> Option<u16> {
    integer(node, 1..=u16::MAX, report)
}

fn status_code(node: &Node<'_>, report: &mut Report<'_>) -> Option<u16> {
    integer(node, 100..=599, report)
}

fn integer(
    node: &Node<'_>,
    range: std::ops::RangeInclusive<u16>,
    report: &mut Report<'_>,
) -> Option<u16> {
    let integer = node.get_ref().as_integer();
    let integer = integer.or_else(|| wrong_type(node, report))?;
    match u16::from_str_radix(integer.as_str(), integer.radix()) {
        Ok(value) if range.contains(&value) => Some(value),
        Ok(_) | Err(_) => malformed(node, &integer.to_string(), report),
    }
}

/// The whole list, or `None` once one item is wrong; all of them are read.
fn list<T: PartialEq>(
    node: &Node<'_>,
    report: &mut Report<'_>,
    what: Counted,
    allowed: Allowed,
    read: fn(&Node<'_>, &mut Report<'_>) -> Option<T>,
) -> Option<Vec<T>> {
    let items = node.get_ref().as_array();
    let items: &DeArray<'_> = items.or_else(|| wrong_type(node, report))?;
    let limit = what.limit();
    if let Some(first) = items.get(limit) {
        report.add(first.span(), Problem::TooMany { what, limit });
        return None;
    }
    let mut values = Some(Vec::new());
    for (index, item) in items.iter().enumerate() {
        let mut report = report.inside(format!("{}[{index}]", report.key), Some(allowed));
        let value = read(item, &mut report).filter(|value| {
            let repeated = values.as_ref().is_some_and(|known| known.contains(value));
            if repeated {
                let found = found_text(item);
                report.add(item.span(), Problem::Repeated { found });
            }
            !repeated
        });
        values = values.zip(value).map(|(mut values, value)| {
            values.push(value);
            values
        });
    }
    values
}

fn non_empty_list<T: PartialEq>(
    node: &Node<'_>,
    report: &mut Report<'_>,
    allowed: Allowed,
    read: fn(&Node<'_>, &mut Report<'_>) -> Option<T>,
) -> Option<Vec<T>> {
    let values = list(node, report, Counted::Items, allowed, read)?;
    if values.is_empty() {
        report.add(node.span(), Problem::Empty);
        return None;
    }
    Some(values)
}

fn file(node: &Node<'_>, report: &mut Report<'_>) -> Option<PathBuf> {
    let written = text(node, report)?;
    let path = expand_home(written);
    // The working directory of a program that starts with the session is nobody's choice.
    if path.is_absolute() && one_line(written) {
        Some(path)
    } else {
        malformed(node, written, report)
    }
}

fn local_bind(node: &Node<'_>, report: &mut Report<'_>) -> Option<LocalBind> {
    if node.get_ref().is_integer() {
        return port(node, report).map(LocalBind::Port);
    }
    let written = text(node, report)?;
    if let Some(port) = written.strip_prefix("localhost:").and_then(parsed_port) {
        return Some(LocalBind::Port(port));
    }
    match written.parse::<SocketAddr>() {
        Ok(address) if address.port() == 0 => malformed(node, written, report),
        Ok(address) if address.ip().is_loopback() => Some(LocalBind::Address(address)),
        Ok(address) => {
            let address = address.ip();
            report.add(node.span(), Problem::NotLoopback { address });
            None
        }
        Err(_) => malformed(node, written, report),
    }
}

fn remote_target(node: &Node<'_>, report: &mut Report<'_>) -> Option<RemoteTarget> {
    let written = text(node, report)?;
    let target = written.rsplit_once(':').and_then(|(host, port)| {
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        // An address with colons needs its brackets, nothing else may have them.
        let host = match bare {
            Some(address) => address.parse::<Ipv6Addr>().ok().map(|_| address)?,
            None if host.contains(':') => return None,
            None => host,
        };
        is_host(host).then_some(())?;
        Some(RemoteTarget {
            host: host.to_owned(),
            port: parsed_port(port)?,
        })
    });
    target.or_else(|| malformed(node, written, report))
}

fn health_check(node: &Node<'_>, report: &mut Report<'_>) -> Option<HealthCheck> {
    let Some(table) = node.get_ref().as_table() else {
        return word(&HEALTH_CHECKS, text(node, report)?, node, report);
    };
    keys::report_unknown(table, keys::Section::Health, report);
    let path = keys::HEALTH_PATH.read_in(table, node.span(), report);
    let status = keys::HEALTH_STATUS.read_in(table, node.span(), report);
    Some(HealthCheck::Http {
        path: path?,
        status: status?,
    })
}

fn is_host(host: &str) -> bool {
    let is_address = || {
        let address = host
            .split_once('%')
            .map_or(host, |(address, _zone)| address);
        address.parse::<Ipv6Addr>().is_ok()
    };
    host.len() <= 255
        && (is_address() || !host.contains(':'))
        && !host.is_empty()
        && one_line(host)
        && !host.contains(|c: char| c.is_whitespace() || "@/\\[]\"'".contains(c))
}

fn is_fingerprint(text: &str) -> bool {
    // 32 bytes are 42 characters of six bits and one whose last two bits are unused, so zero.
    const LAST: &str = "AEIMQUYcgkosw048";
    text.strip_prefix("SHA256:").is_some_and(|digest| {
        digest.len() == 43
            && digest
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+/".contains(c))
            && digest.ends_with(|c| LAST.contains(c))
    })
}

/// RFC 3986: what may stand in a path, a query and a fragment.
fn is_url_path(path: &str) -> bool {
    path.len() <= LONGEST_PATH
        && path.starts_with('/')
        && path
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@%/?#".contains(c))
}

fn one_line(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

fn parsed_port(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| digits && *port != 0)
}

fn wrong_type<T>(node: &Node<'_>, report: &mut Report<'_>) -> Option<T> {
    report.wrong_type(node);
    None
}

fn malformed<T>(node: &Node<'_>, found: &str, report: &mut Report<'_>) -> Option<T> {
    let found = found.to_owned();
    report.add(node.span(), Problem::Malformed { found });
    None
}

fn found_text(node: &Node<'_>) -> String {
    let value = node.get_ref();
    let text = value.as_str().map(str::to_owned);
    text.or_else(|| value.as_integer().map(ToString::to_string))
        .unwrap_or_default()
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn shown_list<T>(items: &[T], show: fn(&T) -> String) -> String {
    format!(
        "[{}]",
        items.iter().map(show).collect::<Vec<_>>().join(", ")
    )
}
