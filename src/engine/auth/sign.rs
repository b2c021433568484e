//! Signs for a key once the server has said that it would take it: no passphrase is asked for, no key
//! is derived and no agent disturbed for a key that it does not know.

use super::agent::Agents;
use super::candidate::{Candidate, Holder};
use super::keyfile::{KeyFile, sign};
use super::known::Known;
use super::line::Line;
use super::notes::Notes;
use super::patience::Patience;
use super::plan::KeyFate;
use crate::model::AuthMethod;
use russh::Signer;
use russh::keys::agent::AgentIdentity;
use russh::keys::ssh_encoding::Encode;
use russh::keys::{HashAlg, PrivateKey};
use std::sync::Arc;

/// The signer of one offer.
pub(super) struct Signing<'a> {
    pub(super) candidate: &'a Candidate,
    pub(super) agents: &'a mut Agents,
    pub(super) known: &'a Known<'a>,
    pub(super) line: &'a Line<'a>,
    pub(super) patience: &'a Patience,
    pub(super) notes: &'a mut Notes,
    /// Who signed.
    pub(super) signed_by: Option<AuthMethod>,
    /// What is wrong with the key when nobody signed.
    pub(super) trouble: KeyFate,
}

/// Why there is no signature.
#[derive(Debug)]
pub(super) enum Unsigned {
    /// Nobody could sign.
    NoSigner,
    /// The session is gone.
    SessionGone,
}

impl From<russh::SendError> for Unsigned {
    fn from(_: russh::SendError) -> Self {
        Self::SessionGone
    }
}

impl Signer for Signing<'_> {
    type Error = Unsigned;

    async fn auth_sign(
        &mut self,
        _key: &AgentIdentity,
        hash: Option<HashAlg>,
        message: Vec<u8>,
    ) -> Result<Vec<u8>, Unsigned> {
        for holder in &self.candidate.holders {
            let (method, signed) = match holder {
                Holder::Agent(number, identity) => {
                    let signing = self.agents.sign(*number, identity, hash, message.clone());
                    // An agent may ask a person before it signs. The server may not wait for that.
                    let signed = self.patience.pause(self.line.unless_ended(signing));
                    match signed.await {
                        Some(signed) => (AuthMethod::Agent, signed),
                        None => return Err(Unsigned::SessionGone),
                    }
                }
                Holder::File(file) => {
                    let signed = self.sign_with_file(file, hash, &message).await;
                    (AuthMethod::Key, signed)
                }
            };
            match signed {
                Ok(signed) => {
                    self.signed_by = Some(method);
                    return Ok(signed);
                }
                Err(problem) => self
                    .notes
                    .add(format!("{}: {problem}", self.candidate.shown)),
            }
        }
        Err(Unsigned::NoSigner)
    }
}

impl Signing<'_> {
    /// `message` followed by the signature.
    async fn sign_with_file(
        &mut self,
        file: &Arc<KeyFile>,
        hash: Option<HashAlg>,
        message: &[u8],
    ) -> Result<Vec<u8>, String> {
        let unlocked = if file.is_encrypted() {
            Some(self.unlock(file).await?)
        } else {
            None
        };
        let (file, mut signed) = (Arc::clone(file), message.to_vec());
        let signing = tokio::task::spawn_blocking(move || {
            let signature = match unlocked {
                Some(key) => sign(&key, hash, &signed)?,
                None => file.sign(hash, &signed)?,
            };
            signature.encode(&mut signed)?;
            Ok::<_, russh::keys::ssh_key::Error>(signed)
        });
        match signing.await {
            Ok(signed) => signed.map_err(|error| error.to_string()),
            Err(_) => Err("signing broke off".to_owned()),
        }
    }

    async fn unlock(&mut self, file: &Arc<KeyFile>) -> Result<PrivateKey, String> {
        let locked = |rejected| KeyFate::Locked {
            file: file.path().to_owned(),
            rejected,
        };
        let Some(given) = self.known.passphrase(file.path(), self.notes).await else {
            self.trouble = locked(false);
            return Err("its passphrase is not known".to_owned());
        };
        let (key, passphrase) = (Arc::clone(file), given.secret.clone());
        let unlocking = tokio::task::spawn_blocking(move || key.unlock(&passphrase));
        match unlocking.await {
            Ok(Ok(key)) => {
                self.known.passphrase_is_right(file.path(), &given);
                Ok(key)
            }
            Ok(Err(_)) => {
                self.known.passphrase_is_wrong(file.path(), &given);
                self.trouble = locked(true);
                Err("its passphrase is wrong".to_owned())
            }
            Err(_) => Err("unlocking broke off".to_owned()),
        }
    }
}
