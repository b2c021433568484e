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

#[cfg(test)]
mod tests {
    use super::super::notes::Notes;
    use super::*;
    use AuthMethod::{Agent, Key, Password};
    use russh::keys::PrivateKey;
    use russh::keys::key::safe_rng;
    use russh::keys::ssh_key::LineEnding;
    use russh::keys::ssh_key::certificate::Builder;
    use std::fs;
    use tempfile::TempDir;

    fn new_key() -> PrivateKey {
        PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).unwrap()
    }

    fn certify(key: &PrivateKey) -> Certificate {
        let mut builder =
            Builder::new_with_random_nonce(&mut safe_rng(), key.public_key(), 0, u64::MAX).unwrap();
        builder.key_id("test").unwrap();
        builder.valid_principal("maintenance").unwrap();
        builder.sign(&new_key()).unwrap()
    }

    fn file(dir: &TempDir, key: &PrivateKey, certificate: Option<&Certificate>) -> Arc<KeyFile> {
        let path = dir.path().join(fastrand::u64(..).to_string());
        let text = key.to_openssh(LineEnding::LF).unwrap();
        fs::write(&path, text.as_bytes()).unwrap();
        if let Some(certificate) = certificate {
            let mut name = path.clone().into_os_string();
            name.push("-cert.pub");
            fs::write(name, certificate.to_openssh().unwrap()).unwrap();
        }
        Arc::new(KeyFile::read(&path, &mut Notes::default()).unwrap())
    }

    fn held(key: &PrivateKey) -> (usize, AgentIdentity) {
        (0, AgentIdentity::from(key.public_key().clone()))
    }

    /// Which of `keys` each candidate shows, with a `c` for a certificate, and who can sign.
    fn shape(candidates: &[Candidate], keys: &[&PrivateKey]) -> Vec<String> {
        let one = |candidate: &Candidate| {
            let is_it = |key: &&PrivateKey| key.public_key().key_data() == candidate.shown.key();
            let number = keys.iter().position(is_it).unwrap();
            let kind = match candidate.shown {
                Shown::Key(_) => "",
                Shown::Certificate(_) => "c",
            };
            let holders: Vec<_> = candidate
                .holders
                .iter()
                .map(|holder| match holder {
                    Holder::Agent(..) => "agent",
                    Holder::File(_) => "file",
                })
                .collect();
            format!("{number}{kind} {}", holders.join("+"))
        };
        candidates.iter().map(one).collect()
    }

    #[test]
    fn the_agents_keys_come_with_the_configured_one_first_and_each_is_offered_once() {
        let dir = TempDir::new().unwrap();
        let (a, b, c) = (new_key(), new_key(), new_key());
        let files = [file(&dir, &b, None), file(&dir, &c, None)];
        let agents = [held(&a), held(&b)];
        let order = [Agent, Key, Password];
        let candidates = arrange(&order, &agents, &files);
        let shape = shape(&candidates, &[&a, &b, &c]);
        assert_eq!(shape, ["1 agent+file", "0 agent", "2 file"]);
        assert_eq!(candidates[0].origin, Agent);
    }

    #[test]
    fn the_configured_order_decides_who_signs_first() {
        let dir = TempDir::new().unwrap();
        let (a, b) = (new_key(), new_key());
        let files = [file(&dir, &a, None)];
        let agents = [held(&b), held(&a)];
        let candidates = arrange(&[Key, Agent], &agents, &files);
        assert_eq!(shape(&candidates, &[&a, &b]), ["0 file+agent", "1 agent"]);
        assert_eq!(candidates[0].origin, Key);
        let candidates = arrange(&[Agent], &agents, &files);
        assert_eq!(shape(&candidates, &[&a, &b]), ["0 agent", "1 agent"]);
        assert!(arrange(&[Password], &agents, &files).is_empty());
    }

    #[test]
    fn a_certificate_comes_before_its_key_and_the_agent_signs_for_it() {
        let dir = TempDir::new().unwrap();
        let key = new_key();
        let certificate = certify(&key);
        let files = [file(&dir, &key, Some(&certificate))];
        let agents = [held(&key)];
        let candidates = arrange(&[Agent, Key], &agents, &files);
        let both = ["0c agent+file", "0 agent+file"];
        assert_eq!(shape(&candidates, &[&key]), both);

        let with_certificate = [held(&key), (0, AgentIdentity::from(certificate))];
        let candidates = arrange(&[Agent, Key], &with_certificate, &files);
        assert_eq!(shape(&candidates, &[&key]), both);
    }

    #[test]
    fn a_full_agent_does_not_crowd_out_the_configured_keys() {
        let dir = TempDir::new().unwrap();
        let strangers: Vec<_> = (0..10).map(|_| new_key()).collect();
        let agents: Vec<_> = strangers.iter().map(held).collect();
        let mine = [new_key(), new_key()];
        let files: Vec<_> = mine.iter().map(|key| file(&dir, key, None)).collect();
        let candidates = arrange(&[Agent, Key], &agents, &files);
        let known: Vec<_> = strangers.iter().chain(&mine).collect();
        let expected = ["0 agent", "1 agent", "10 file", "11 file"];
        assert_eq!(shape(&candidates, &known), expected);
        assert_eq!(arrange(&[Agent], &agents, &[]).len(), MOST);
    }
}
