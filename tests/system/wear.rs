//! What a session piles up is given back: another one takes over before it counts.

use crate::common::{Backend, Forward, Passerelle, Sshd, free_port, wait_until};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

const BOUND: Duration = Duration::from_secs(60);

/// More than a mebibyte's worth of refused channels.
const REFUSALS: usize = 2_000;

/// A program that asks for a dead port again and again costs its session 550 bytes each time.
#[test]
fn a_session_that_was_refused_thousands_of_channels_is_succeeded_and_nobody_notices() {
    let service = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    let served = service.local_addr().expect("it is bound").port();
    let backend = Backend::start();
    let (alive, dead, open) = (free_port(), free_port(), free_port());
    let sshd = Sshd::start();
    let forwards = [
        Forward::tcp("Backend", alive, backend.port()),
        Forward::new("Dead", dead, free_port()).line("health = \"none\""),
        Forward::new("Open", open, served).line("health = \"none\""),
    ];
    let passerelle = Passerelle::ready(&sshd, forwards);
    passerelle.wait_phase("healthy", BOUND);

    let mut program = TcpStream::connect((Ipv4Addr::LOCALHOST, open)).expect("it listens");
    let (mut accepted, _) = service.accept().expect("it comes through");
    for _ in 0..REFUSALS {
        let mut refused = TcpStream::connect((Ipv4Addr::LOCALHOST, dead)).expect("it listens");
        refused.set_read_timeout(Some(BOUND)).expect("it is ours");
        let ended = refused.read(&mut [0; 1]);
        assert!(ended.is_err(), "it is reset, not ended: {ended:?}");
    }
    wait_until("another session takes over", BOUND, || {
        passerelle.tunnel()["attempt"] == 2
    });
    passerelle.wait_phase("healthy", BOUND);
    assert_eq!(sshd.sessions_from(passerelle.pid()), 2);

    // The one before it lives on with the connection that it has.
    program.write_all(b"still here").expect("it is open");
    let mut heard = [0; 10];
    accepted.read_exact(&mut heard).expect("it comes through");
    assert_eq!(&heard, b"still here");
    drop((program, accepted));
    wait_until(
        "the worn session ends with its last connection",
        BOUND,
        || sshd.sessions_from(passerelle.pid()) == 1,
    );
}
