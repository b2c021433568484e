//! Which keys to offer, in which order, and who can sign with each.

use super::keyfile::KeyFile;
use crate::model::AuthMethod;
use russh::keys::agent::AgentIdentity;
use russh::keys::ssh_key::public::KeyData;
use russh::keys::{Algorithm, Certificate, PublicKey};
use std::fmt;
use std::sync::Arc;

/// The most keys to offer on one connection. sshd counts a key that it does not take as a failure, and
/// ends the connection at the sixth (`MaxAuthTries`): four leave room for a password and its verdict.
const MOST: usize = 4;

/// A key to offer.
pub(super) struct Candidate {
    /// What the server is shown.
    pub(super) shown: Shown,
    /// Who can sign, in the order to ask them. There is at least one.
    pub(super) holders: Vec<Holder>,
    /// Where it was found first.
    pub(super) origin: AuthMethod,
    configured: bool,
}

/// What the server is shown.
pub(super) enum Shown {
    /// A bare public key.
    Key(PublicKey),
    /// A certificate: a public key that an authority signed for a user.
    Certificate(Box<Certificate>),
}

/// Someone who can sign.
pub(super) enum Holder {
    /// The agent of this number, which knows the key as this identity.
    Agent(usize, Box<AgentIdentity>),
    /// A key file.
    File(Arc<KeyFile>),
}

impl Shown {
    fn certificate(certificate: &Certificate) -> Self {
        Self::Certificate(Box::new(certificate.clone()))
    }

    /// The public key in it.
    pub(super) fn key(&self) -> &KeyData {
        match self {
            Self::Key(key) => key.key_data(),
            Self::Certificate(certificate) => certificate.public_key(),
        }
    }

    /// Whether it is an RSA key, for which a hash is to be agreed on.
    pub(super) fn is_rsa(&self) -> bool {
        matches!(self.key().algorithm(), Algorithm::Rsa { .. })
    }

    /// The same on the wire: comments do not count.
    fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Key(one), Self::Key(two)) => one.key_data() == two.key_data(),
            (Self::Certificate(one), Self::Certificate(two)) => {
                matches!((one.to_bytes(), two.to_bytes()), (Ok(one), Ok(two)) if one == two)
            }
            (Self::Key(_), Self::Certificate(_)) | (Self::Certificate(_), Self::Key(_)) => false,
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::Key(_) => "key",
            Self::Certificate(_) => "certificate for the key",
        };
        let print = self.key().fingerprint(russh::keys::HashAlg::Sha256);
        write!(f, "{} {kind} {print}", self.key().algorithm())
    }
}

/// The keys to offer, in the configured order.
///
/// Of an agent's keys, the configured ones come first. A key that both an agent and a file hold is
/// offered once. Where there are more than may be offered, the configured ones are kept.
pub(super) fn arrange(
    order: &[AuthMethod],
    agents: &[(usize, AgentIdentity)],
    files: &[Arc<KeyFile>],
) -> Vec<Candidate> {
    let mut all = Candidates::default();
    for method in order {
        match method {
            AuthMethod::Agent => {
                for file in files {
                    all.add_from_agents_for(file, agents);
                }
                all.add_from_agents(agents);
            }
            AuthMethod::Key => {
                for file in files {
                    all.add_from_file(file);
                }
            }
            AuthMethod::Password => {}
        }
    }
    all.within(MOST)
}

#[derive(Default)]
struct Candidates(Vec<Candidate>);

impl Candidates {
    /// What the agents hold of a configured key, its certificates first.
    fn add_from_agents_for(&mut self, file: &KeyFile, agents: &[(usize, AgentIdentity)]) {
        let wanted = file.public().key_data();
        let its = agents
            .iter()
            .filter(|(_, identity)| identity.public_key().key_data() == wanted);
        for (number, identity) in its.clone() {
            match identity {
                AgentIdentity::Certificate { certificate, .. } => {
                    let shown = Shown::certificate(certificate);
                    self.add_agent(shown, *number, identity, true);
                }
                // The agent signs for the certificate in the file with the bare key that it has.
                AgentIdentity::PublicKey { .. } => {
                    if let Some(certificate) = file.certificate() {
                        let shown = Shown::certificate(certificate);
                        self.add_agent(shown, *number, identity, true);
                    }
                }
            }
        }
        for (number, identity) in its {
            if let AgentIdentity::PublicKey { key, .. } = identity {
                self.add_agent(Shown::Key(key.clone()), *number, identity, true);
            }
        }
    }

    fn add_from_agents(&mut self, agents: &[(usize, AgentIdentity)]) {
        for (number, identity) in agents {
            let shown = match identity {
                AgentIdentity::PublicKey { key, .. } => Shown::Key(key.clone()),
                AgentIdentity::Certificate { certificate, .. } => Shown::certificate(certificate),
            };
            self.add_agent(shown, *number, identity, false);
        }
    }

    fn add_agent(
        &mut self,
        shown: Shown,
        number: usize,
        identity: &AgentIdentity,
        configured: bool,
    ) {
        let holder = Holder::Agent(number, Box::new(identity.clone()));
        self.add(shown, holder, AuthMethod::Agent, configured);
    }

    fn add_from_file(&mut self, file: &Arc<KeyFile>) {
        if let Some(certificate) = file.certificate() {
            let shown = Shown::certificate(certificate);
            let holder = Holder::File(Arc::clone(file));
            self.add(shown, holder, AuthMethod::Key, true);
        }
        let shown = Shown::Key(file.public().clone());
        let holder = Holder::File(Arc::clone(file));
        self.add(shown, holder, AuthMethod::Key, true);
    }

    fn add(&mut self, shown: Shown, holder: Holder, origin: AuthMethod, configured: bool) {
        let known = self.0.iter_mut().find(|one| one.shown.same(&shown));
        match known {
            // An agent's key is seen twice: among the configured ones, and among all.
            Some(known) if !known.is_held_by(&holder) => known.holders.push(holder),
            Some(_) => {}
            None => self.0.push(Candidate {
                shown,
                holders: vec![holder],
                origin,
                configured,
            }),
        }
    }

    fn within(self, most: usize) -> Vec<Candidate> {
        let configured = self.0.iter().filter(|one| one.configured).count();
        let mut places = [most.saturating_sub(configured), most];
        let mut kept = self.0;
        kept.retain(|one| {
            let places = &mut places[usize::from(one.configured)];
            let fits = *places > 0;
            *places = places.saturating_sub(1);
            fits
        });
        kept
    }
}

impl Candidate {
    fn is_held_by(&self, other: &Holder) -> bool {
        self.holders.iter().any(|holder| match (holder, other) {
            (Holder::Agent(one, _), Holder::Agent(two, _)) => one == two,
            (Holder::File(one), Holder::File(two)) => Arc::ptr_eq(one, two),
            (Holder::Agent(..), Holder::File(_)) | (Holder::File(_), Holder::Agent(..)) => false,
        })
    }
}
