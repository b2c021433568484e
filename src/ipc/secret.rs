//! A secret on its way over the socket.

use crate::model::Secret;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A secret that may be written to the socket, and to nothing else: [`Secret`] itself cannot be
/// serialised, so that none slips into a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretText(pub Secret);

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The string is moved into the secret, never copied.
        String::deserialize(deserializer).map(|text| Self(Secret::new(text)))
    }
}
