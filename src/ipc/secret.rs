//! A secret on its way over the socket.

use crate::model::Secret;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use zeroize::{Zeroize, Zeroizing};

/// The longest secret, in bytes.
const LONGEST: usize = 4096;

/// A secret that may be written to the socket, and to nothing else: [`Secret`] itself cannot be
/// serialised, so that none slips into a report.
///
/// It travels as an array of bytes. In a JSON string, quotes and backslashes are escaped, and what
/// undoes that keeps the secret in a buffer that nobody wipes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretText(pub Secret);

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0.expose().as_bytes())
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Bytes)
    }
}

struct Bytes;

impl<'de> Visitor<'de> for Bytes {
    type Value = SecretText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the bytes of a text")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut bytes: A) -> Result<SecretText, A::Error> {
        // Its room is allocated once: growing would leave copies behind.
        let mut text = Zeroizing::new(Vec::with_capacity(LONGEST));
        while let Some(byte) = bytes.next_element::<u8>()? {
            if text.len() == LONGEST {
                return Err(A::Error::custom("the secret is too long"));
            }
            text.push(byte);
        }
        match String::from_utf8(std::mem::take(&mut *text)) {
            Ok(text) => Ok(SecretText(Secret::new(text))),
            Err(error) => {
                error.into_bytes().zeroize();
                Err(A::Error::custom("the secret is not UTF-8"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> SecretText {
        SecretText(Secret::new(text.to_owned()))
    }

    #[test]
    fn it_arrives_as_it_was_and_never_as_a_text() {
        for text in [
            "",
            "quote\" backslash\\ \u{e9}\u{1f511}",
            &"x".repeat(LONGEST),
        ] {
            let sent = serde_json::to_string(&secret(text)).unwrap();
            assert!(sent.starts_with('[') && !sent.contains('"'), "{sent}");
            let received: SecretText = serde_json::from_str(&sent).unwrap();
            assert_eq!(received, secret(text));
        }
    }

    #[test]
    fn what_is_refused_is_not_repeated() {
        let too_long = serde_json::to_string(&secret(&"x".repeat(LONGEST + 1))).unwrap();
        for (sent, complaint) in [
            (too_long.as_str(), "too long"),
            ("[104, 117, 255]", "UTF-8"),
        ] {
            let error = serde_json::from_str::<SecretText>(sent).unwrap_err();
            assert!(error.to_string().contains(complaint), "{error}");
        }
    }
}
