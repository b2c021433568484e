//! The names at the start of a known_hosts line, and whether they mean a server.

use hmac::{Hmac, KeyInit, Mac};
use russh::keys::ssh_encoding::base64::{Base64, Encoding};
use sha1::Sha1;

/// The length of a SHA-1, and of the salt that OpenSSH wants beside it.
const SHA1_LEN: usize = 20;

/// A server under the names that known_hosts can have for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ServerName {
    /// `host` for port 22, `[host]:port` for the others.
    pub(super) exact: String,
    /// `host` for the other ports, where OpenSSH looks second.
    pub(super) portless: Option<String>,
}

impl ServerName {
    pub(super) fn new(host: &str, port: u16) -> Self {
        let host = host.to_ascii_lowercase();
        if port == 22 {
            Self {
                exact: host,
                portless: None,
            }
        } else {
            Self {
                exact: format!("[{host}]:{port}"),
                portless: Some(host),
            }
        }
    }

    /// The name to record the server under, unless known_hosts would read something else in it.
    pub(super) fn recordable(&self) -> Option<&str> {
        let name = self.exact.as_str();
        let plain = |c: char| !c.is_whitespace() && !c.is_control() && !",*?!|#@".contains(c);
        (!name.is_empty() && name.chars().all(plain)).then_some(name)
    }

    /// Every name that it has.
    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.exact.as_str()).chain(self.portless.as_deref())
    }
}

/// The first field of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Names {
    /// A comma list of patterns.
    Patterns(Vec<Pattern>),
    /// One name, hidden: `|1|salt|HMAC-SHA1(salt, name)`.
    Hashed {
        salt: [u8; SHA1_LEN],
        hash: [u8; SHA1_LEN],
    },
}

/// One pattern of a comma list. `*` stands for any bytes, `?` for any one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    negated: bool,
    glob: Vec<u8>,
}

impl Names {
    /// `None` for a hash that cannot be one.
    pub(super) fn parse(field: &[u8]) -> Option<Self> {
        if field.first() == Some(&b'|') {
            return Self::parse_hash(field);
        }
        let pattern = |text: &[u8]| {
            let stripped = text.strip_prefix(b"!");
            Pattern {
                negated: stripped.is_some(),
                glob: stripped.unwrap_or(text).to_ascii_lowercase(),
            }
        };
        Some(Self::Patterns(
            field.split(|byte| *byte == b',').map(pattern).collect(),
        ))
    }

    fn parse_hash(field: &[u8]) -> Option<Self> {
        let (salt, hash) = str::from_utf8(field)
            .ok()?
            .strip_prefix("|1|")?
            .split_once('|')?;
        let decode = |text| Base64::decode_vec(text).ok()?.try_into().ok();
        Some(Self::Hashed {
            salt: decode(salt)?,
            hash: decode(hash)?,
        })
    }

    /// Whether `name`, in lower case, is meant. A negated pattern that matches rules the line out.
    pub(super) fn mean(&self, name: &str) -> bool {
        match self {
            Self::Patterns(patterns) => {
                let matching = |negated| {
                    patterns
                        .iter()
                        .filter(move |pattern| pattern.negated == negated)
                        .any(|pattern| glob_matches(&pattern.glob, name.as_bytes()))
                };
                matching(false) && !matching(true)
            }
            Self::Hashed { salt, hash } => Hmac::<Sha1>::new_from_slice(salt)
                .is_ok_and(|hmac| hmac.chain_update(name).verify_slice(hash).is_ok()),
        }
    }
}

/// Matches in time proportional to the product of the lengths, whatever the pattern.
fn glob_matches(glob: &[u8], name: &[u8]) -> bool {
    let (mut at_glob, mut at_name) = (0, 0);
    // Where to go on after the last star, should what follows it not match here.
    let mut retry = None;
    while let Some(byte) = name.get(at_name) {
        match glob.get(at_glob) {
            Some(b'*') => {
                at_glob += 1;
                retry = Some((at_glob, at_name));
            }
            Some(wanted) if *wanted == b'?' || wanted == byte => {
                at_glob += 1;
                at_name += 1;
            }
            Some(_) | None => {
                let Some((after_star, swallowed)) = retry else {
                    return false;
                };
                at_glob = after_star;
                at_name = swallowed + 1;
                retry = Some((after_star, at_name));
            }
        }
    }
    glob.get(at_glob..)
        .is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(field: &str, name: &str) -> bool {
        Names::parse(field.as_bytes()).unwrap().mean(name)
    }

    #[test]
    fn a_server_has_a_name_with_its_port_and_one_without() {
        assert_eq!(
            ServerName::new("ServeurProduction", 722),
            ServerName {
                exact: "[serveurproduction]:722".to_owned(),
                portless: Some("serveurproduction".to_owned()),
            }
        );
        assert_eq!(
            ServerName::new("::1", 22),
            ServerName {
                exact: "::1".to_owned(),
                portless: None,
            }
        );
    }

    #[test]
    fn a_host_that_would_read_as_something_else_is_not_recordable() {
        for host in [
            "", "*", "a,b", "!a", "|1|a", "#a", "@revoked", "a b", "a\nb",
        ] {
            assert_eq!(ServerName::new(host, 22).recordable(), None, "{host:?}");
        }
        assert_eq!(
            ServerName::new("fe80::1%eth0", 722).recordable(),
            Some("[fe80::1%eth0]:722")
        );
    }

    #[test]
    fn patterns_match_as_those_of_openssh() {
        for (field, name, expected) in [
            ("host", "host", true),
            ("HOST", "host", true),
            ("host", "hosts", false),
            ("a,host,b", "host", true),
            ("h?st", "host", true),
            ("h?st", "hst", false),
            ("*", "host", true),
            ("*.example.org", "a.b.example.org", true),
            ("*.example.org", "example.org", false),
            ("[*]:722", "[host]:722", true),
            ("[*]:722", "[host]:723", false),
            ("h*o*t*", "host", true),
            ("*,!host", "host", false),
            ("!host,*", "host", false),
            ("!host", "other", false),
            ("", "host", false),
        ] {
            assert_eq!(mean(field, name), expected, "{field:?} {name:?}");
        }
    }

    #[test]
    fn a_hash_means_the_name_that_was_hashed() {
        // `ssh-keygen -H` made it of `example.com`.
        let field = "|1|O33ESRMWPVkMYIwJ1Uw+n877jTo=|nuuC5vEqXlEZ/8BXQR7m619W6Ak=";
        assert!(mean(field, "example.com"));
        assert!(!mean(field, "example.org"));
    }

    #[test]
    fn a_hash_of_another_length_is_no_hash() {
        for field in [
            "|1|O33ESRMWPVkMYIwJ1Uw+n877jTo=",
            "|1|O33ESRMWPVkMYIwJ1Uw+n877jTo=|AAAA",
            "|1|AAAA|nuuC5vEqXlEZ/8BXQR7m619W6Ak=",
            "|2|O33ESRMWPVkMYIwJ1Uw+n877jTo=|nuuC5vEqXlEZ/8BXQR7m619W6Ak=",
            "|1|O33ESRMWPVkMYIwJ1Uw+n877jTo=|nuuC5vEqXlEZ/8BXQR7m619W6Ak=,host",
        ] {
            assert_eq!(Names::parse(field.as_bytes()), None, "{field}");
        }
    }

    #[test]
    fn many_stars_cost_no_more_than_their_number() {
        let glob = "*a".repeat(500);
        let name = "a".repeat(2000);
        assert!(!mean(&format!("{glob}b"), &name));
    }
}
