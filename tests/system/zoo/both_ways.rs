//! Much in both directions at once, by a daemon that serves a session in one process. (A server that reads
//! nothing at all while it writes is in the simulation: `bulk_in_both_directions`.)

use crate::common::{
    Backend, Erlang, Forward, Home, Passerelle, Pattern, Sshd, Tunnel, begin_download, free_port,
};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::thread;
use std::time::Duration;

const BOUND: Duration = Duration::from_secs(120);

const EACH_WAY: usize = 4;

const LENGTH: u64 = 24 << 20;

/// What the service says that it got.
fn upload(local: u16) -> io::Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, local))?;
    stream.set_read_timeout(Some(BOUND))?;
    let head = format!("POST /upload HTTP/1.1\r\nContent-Length: {LENGTH}\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    io::copy(&mut Pattern::new().take(LENGTH), &mut stream)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn download(local: u16) -> io::Result<String> {
    let mut stream = begin_download(local, &format!("/bytes/{LENGTH}"))?;
    Pattern::summary(&mut stream)
}

#[test]
fn erlang_carries_much_in_both_directions_at_once() {
    let (sshd, backend) = (Sshd::start(), Backend::start());
    let erlang = Erlang::like(&sshd);
    let local = free_port();
    let tunnel = Tunnel::to(&sshd, "lab").by_port(erlang.port());
    let forward = Forward::tcp("Backend", local, backend.port());
    let passerelle = Passerelle::on(Home::empty(), &sshd, tunnel, [forward]);
    passerelle.wait_phase("healthy", BOUND);
    let expected = Pattern::summary(&mut Pattern::new().take(LENGTH)).expect("it never ends");
    thread::scope(|scope| {
        let streams: Vec<_> = (0..EACH_WAY)
            .flat_map(|_| {
                [
                    scope.spawn(|| download(local)),
                    scope.spawn(|| upload(local)),
                ]
            })
            .collect();
        for stream in streams {
            let summary = stream.join().expect("no panic").expect("it comes whole");
            assert!(summary.contains(&expected), "{summary} and not {expected}");
        }
    });
    assert_eq!(
        passerelle.tunnel()["attempt"],
        1,
        "another session was dialed"
    );
}
