//! SSH agents as they are in the field: crowded, changing, silent.

use crate::common::{
    Agent, CertificateAuthority, Config, Home, Key, Passerelle, Scratch, Sshd, Tunnel,
};
use std::fs;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::Duration;

const BOUND: Duration = Duration::from_secs(60);

fn run(sshd: &Sshd, home: Home, agent: &Path, tunnel: Tunnel) -> Passerelle {
    home.configure(&Config::of(tunnel).text());
    home.env("SSH_AUTH_SOCK", agent).trusting(sshd).run()
}

#[test]
fn a_crowded_agent_does_not_keep_the_configured_key_out() {
    let (sshd, home) = (Sshd::start(), Home::empty());
    let agent = Agent::start(home.home("agent"));
    for number in 0..10 {
        agent.add(&Key::ed25519(home.home(&format!("other{number}"))));
    }
    let key = home.key_for(&sshd);
    // In the agent, behind all the others; then in its file alone.
    for held in [true, false] {
        let agent = if held {
            agent.socket()
        } else {
            Path::new("/nowhere")
        };
        let home = Home::empty();
        run(
            &sshd,
            home,
            agent,
            Tunnel::to(&sshd, "lab").identity(key.path()),
        )
        .wait_phase("healthy", BOUND);
    }
    assert_eq!(sshd.logged("Too many authentication failures"), 0);
}

#[test]
fn an_agent_signs_for_the_certificate_in_a_file_whose_key_is_locked() {
    let home = Home::empty();
    let authority = CertificateAuthority::new(home.home("authority"));
    let sshd = Sshd::with(&format!(
        "TrustedUserCAKeys {}",
        authority.public_path().display()
    ));
    let agent = Agent::start(home.home("agent"));
    let key = Key::ed25519(home.home("key"));
    // The agent gets the key before there is a certificate.
    agent.add(&key);
    key.lock("secret");
    authority.sign(&key, sshd.user());
    let tunnel = Tunnel::to(&sshd, "lab").identity(key.path());
    let socket = agent.socket().to_owned();
    run(&sshd, home, &socket, tunnel).wait_phase("healthy", BOUND);
}

#[test]
fn a_key_that_the_agent_takes_in_later_opens_by_itself() {
    let (sshd, home) = (Sshd::start(), Home::empty());
    let agent = Agent::start(home.home("agent"));
    let key = home.key_for(&sshd);
    let tunnel = Tunnel::to(&sshd, "lab").line("auth = [\"agent\"]");
    let socket = agent.socket().to_owned();
    let passerelle = run(&sshd, home, &socket, tunnel);
    let blocked = passerelle.wait_phase("blocked", BOUND);
    assert_eq!(blocked["fault"]["code"], "no_credential", "{blocked}");
    agent.add(&key);
    passerelle.wait_phase("healthy", BOUND);
}

#[test]
fn an_agent_that_never_answers_is_left_alone() {
    let (sshd, home, dir) = (Sshd::start(), Home::empty(), Scratch::new());
    let socket = dir.join("silent");
    // Connections wait in its backlog for ever.
    let _silent = UnixListener::bind(&socket).expect("the directory is ours");
    let key = home.key_for(&sshd);
    let passerelle = run(
        &sshd,
        home,
        &socket,
        Tunnel::to(&sshd, "lab").identity(key.path()),
    );
    passerelle.wait_phase("healthy", Duration::from_secs(20));
    let log = fs::read_to_string(passerelle.state("passerelle.log")).expect("it logs");
    assert!(log.contains("the SSH agent does not answer"), "{log}");
}
