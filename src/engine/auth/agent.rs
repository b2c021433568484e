//! The SSH agents: which keys they hold, and their signatures, each within a bound.

use super::notes::Notes;
use crate::platform::{self, AgentStream};
use futures_util::future::join_all;
use russh::keys::HashAlg;
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use std::collections::BTreeSet;
use std::time::Duration;

/// How long an agent may take to list its keys.
const LIST_DEADLINE: Duration = Duration::from_secs(5);

/// How long an agent may take to sign. It may ask a person first: for a consent, a PIN, a touch.
const SIGN_DEADLINE: Duration = Duration::from_secs(60);

/// The agents that answered, in the platform's order.
pub(super) struct Agents(Vec<Agent>);

struct Agent {
    client: AgentClient<AgentStream>,
    identities: Vec<AgentIdentity>,
    // An answer that came too late would be taken for the answer to the next request.
    lost: bool,
}

impl Agents {
    /// No agent.
    pub(super) fn none() -> Self {
        Self(Vec::new())
    }

    /// Every agent that can be reached and lists its keys.
    pub(super) async fn find(notes: &mut Notes) -> Self {
        let (agents, problems) = Self::list(platform::agents().await).await;
        for problem in problems {
            notes.add(problem);
        }
        agents
    }

    /// Those that list their keys, and in words why the others do not.
    async fn list(streams: Vec<AgentStream>) -> (Self, Vec<String>) {
        let mut agents = Vec::new();
        let mut problems = Vec::new();
        for listed in join_all(streams.into_iter().map(Agent::list)).await {
            match listed {
                Ok(agent) => agents.push(agent),
                Err(problem) => problems.push(problem),
            }
        }
        (Self(agents), problems)
    }

    /// Every key that they hold, with the number of its agent.
    pub(super) fn identities(&self) -> Vec<(usize, AgentIdentity)> {
        let numbered = |(number, agent): (usize, &Agent)| {
            let identities = agent.identities.clone();
            identities
                .into_iter()
                .map(move |identity| (number, identity))
        };
        self.0.iter().enumerate().flat_map(numbered).collect()
    }

    /// `message` followed by the signature that the agent of this number makes for `identity`.
    ///
    /// # Errors
    /// The agent does not sign; in words.
    pub(super) async fn sign(
        &mut self,
        number: usize,
        identity: &AgentIdentity,
        hash: Option<HashAlg>,
        message: Vec<u8>,
    ) -> Result<Vec<u8>, String> {
        let agent = self.0.get_mut(number).filter(|agent| !agent.lost);
        let agent = agent.ok_or("the SSH agent is gone")?;
        let signing = agent.client.sign_request(identity, hash, message);
        match tokio::time::timeout(SIGN_DEADLINE, signing).await {
            Ok(signed) => signed.map_err(|error| format!("SSH agent: {error}")),
            Err(_) => {
                agent.lost = true;
                Err("the SSH agent does not sign in time".to_owned())
            }
        }
    }
}

impl Agent {
    async fn list(stream: AgentStream) -> Result<Self, String> {
        let mut client = AgentClient::connect(stream);
        let listing = client.request_identities();
        let identities = match tokio::time::timeout(LIST_DEADLINE, listing).await {
            Ok(Ok(identities)) => identities,
            Ok(Err(error)) => return Err(format!("SSH agent: {error}")),
            Err(_) => return Err("the SSH agent does not answer".to_owned()),
        };
        Ok(Self {
            client,
            identities,
            lost: false,
        })
    }
}

/// The fingerprints of the keys that the agents hold now.
pub(in crate::engine) async fn held_keys() -> BTreeSet<String> {
    let (agents, _) = Agents::list(platform::agents().await).await;
    let print = |(_, identity): (usize, AgentIdentity)| {
        let key = identity.public_key();
        key.fingerprint(HashAlg::Sha256).to_string()
    };
    agents.identities().into_iter().map(print).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use russh::keys::key::safe_rng;
    use russh::keys::{Algorithm, PrivateKey};
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    #[tokio::test(start_paused = true)]
    async fn an_agent_that_hangs_is_left_alone_and_said_so() {
        let (ours, _theirs) = duplex(1024);
        let (agents, problems) = Agents::list(vec![Box::new(ours)]).await;
        assert!(agents.0.is_empty());
        assert_eq!(problems, ["the SSH agent does not answer"]);
    }

    #[tokio::test]
    async fn an_agent_that_talks_nonsense_is_left_alone_and_said_so() {
        let (ours, mut theirs) = duplex(1024);
        theirs.write_all(&[0xff; 64]).await.unwrap();
        let (agents, problems) = Agents::list(vec![Box::new(ours)]).await;
        assert!(agents.0.is_empty());
        assert_eq!(problems, ["SSH agent: Agent protocol error"]);
    }

    /// Answers the first request with an empty list, and no other.
    async fn lists_nothing_and_then_hangs(mut stream: DuplexStream) {
        let mut request = [0; 5];
        stream.read_exact(&mut request).await.unwrap();
        assert_eq!(request, [0, 0, 0, 1, 11]);
        stream
            .write_all(&[0, 0, 0, 5, 12, 0, 0, 0, 0])
            .await
            .unwrap();
        std::future::pending::<()>().await;
    }

    #[tokio::test(start_paused = true)]
    async fn an_agent_that_hangs_while_it_signs_is_not_asked_again() {
        let (ours, theirs) = duplex(1024);
        let agent = tokio::spawn(lists_nothing_and_then_hangs(theirs));
        let (mut agents, _) = Agents::list(vec![Box::new(ours)]).await;
        let key = PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).unwrap();
        let identity = AgentIdentity::from(key.public_key().clone());
        let late = agents.sign(0, &identity, None, vec![1]).await;
        assert_eq!(late, Err("the SSH agent does not sign in time".into()));
        let gone = agents.sign(0, &identity, None, vec![1]).await;
        assert_eq!(gone, Err("the SSH agent is gone".into()));
        agent.abort();
    }
}
