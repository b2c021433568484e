//! One line of known_hosts: marker, names, key. A line that is none is `None`, never an error: it
//! hides no other.

use super::names::Names;
use russh::keys::PublicKey;
use russh::keys::key::parse_public_key;
use russh::keys::ssh_encoding::base64::{Base64, Encoding};

/// What a line says: sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT".
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) marker: Marker,
    pub(super) names: Names,
    pub(super) key: PublicKey,
}

/// What the line says of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marker {
    /// It is the server's.
    Known,
    /// It signs servers' certificates.
    CertAuthority,
    /// It was the server's, and is in the wrong hands.
    Revoked,
}

impl Line {
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        // OpenSSH reads C strings, and takes a carriage return for white space.
        let text = text.split(|byte| *byte == 0).next()?;
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let mut fields = text
            .split(|byte| matches!(byte, b' ' | b'\t'))
            .filter(|field| !field.is_empty());

        let first = fields.next()?;
        let (marker, names) = match first {
            [b'#', ..] => return None,
            b"@cert-authority" => (Marker::CertAuthority, fields.next()?),
            b"@revoked" => (Marker::Revoked, fields.next()?),
            [b'@', ..] => return None,
            _ => (Marker::Known, first),
        };
        Some(Self {
            marker,
            names: Names::parse(names)?,
            key: parse_key(fields.next()?, fields.next()?)?,
        })
    }
}

/// A key as known_hosts has it, in full: a line that was cut short is no key.
fn parse_key(algorithm: &[u8], base64: &[u8]) -> Option<PublicKey> {
    let blob = Base64::decode_vec(str::from_utf8(base64).ok()?).ok()?;
    let (length, rest) = blob.split_first_chunk::<4>()?;
    let declared = rest.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    let agrees = declared == algorithm
        || (declared == b"ssh-rsa" && matches!(algorithm, b"rsa-sha2-256" | b"rsa-sha2-512"));
    let key = parse_public_key(&blob).ok()?;
    (agrees && key.to_bytes().ok()? == blob).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

    fn parsed(marker: Marker, names: &str) -> Option<Line> {
        Some(Line {
            marker,
            names: Names::parse(names.as_bytes()).unwrap(),
            key: PublicKey::from_openssh(KEY).unwrap(),
        })
    }

    #[test]
    fn white_space_comments_and_line_ends_are_what_openssh_takes_them_for() {
        for text in [
            format!("host {KEY}"),
            format!("host {KEY}\n"),
            format!("host {KEY}\r\n"),
            format!(" \thost\t {} ", KEY.replace(' ', "\t")),
            format!("host {KEY} a comment # with \u{e9} in it"),
            format!("host {KEY}\0 ssh-rsa"),
        ] {
            assert_eq!(
                Line::parse(text.as_bytes()),
                parsed(Marker::Known, "host"),
                "{text:?}"
            );
        }
        let mut latin1 = format!("host {KEY} comment ").into_bytes();
        latin1.push(0xe9);
        assert_eq!(Line::parse(&latin1), parsed(Marker::Known, "host"));
    }

    #[test]
    fn markers_are_told_apart() {
        for (marker, word) in [
            (Marker::CertAuthority, "@cert-authority "),
            (Marker::Revoked, "@revoked "),
            (Marker::Revoked, "@revoked\t"),
        ] {
            let text = format!("{word}*.org {KEY}");
            assert_eq!(Line::parse(text.as_bytes()), parsed(marker, "*.org"));
        }
    }

    #[test]
    fn what_is_no_line_is_passed_over() {
        for text in [
            "",
            "#",
            "host",
            "host ssh-ed25519",
            "host ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZ",
            "host ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7w==",
            "host ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJAAAA",
            "host ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ",
            "host 1024 37 15933",
            "@unknown host ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ",
            "@revoked @cert-authority host ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ",
            "|1|bad|hash ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ",
        ] {
            assert_eq!(Line::parse(text.as_bytes()), None, "{text:?}");
        }
    }
}
