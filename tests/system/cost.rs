//! What carrying costs, in instructions: callgrind counts them, whatever else the machine does. And what an idle
//! session costs, in memory.
//!
//! The bounds are about half above what the development build takes (`docs/measurements.md` has the figures), so that
//! one more copy of each byte, or one more task for each request, is seen. They are no
//! measure of the program that ships.

use crate::common::{Backend, Passerelle};
use crate::common::{
    Forward, Home, Pattern, Sshd, Tunnel, begin_download, free_port, get, own_memory_mib, tool,
    wait_for,
};
use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::Duration;

/// Valgrind takes fifty times as long.
const BOUND: Duration = Duration::from_secs(120);

const MEBIBYTE: u64 = 1 << 20;

/// Per mebibyte, per request on a connection that is kept, and per connection with one request: millions of
/// instructions, thousands, thousands.
const DOWN_MOST: f64 = 12.5;
const UP_MOST: f64 = 7.0;
const REQUEST_MOST: f64 = 130.0;
const CONNECTION_MOST: f64 = 480.0;

/// Memory of an idle session's own, in MiB; it takes 2.5.
const IDLE_MOST: f64 = 4.0;

/// A program whose instructions are counted.
struct Counted {
    passerelle: Passerelle,
    output: PathBuf,
    dumps: u32,
}

impl Counted {
    /// How many instructions it takes for this work, the least of three times.
    fn costs(&mut self, mut work: impl FnMut()) -> f64 {
        let mut costs = || {
            self.control("--zero");
            work();
            self.dumps += 1;
            self.control("--dump");
            let dump = format!("{}.{}", self.output.display(), self.dumps);
            let counted = wait_for("callgrind's dump", BOUND, || {
                let text = fs::read_to_string(&dump).ok()?;
                let line = text.lines().find_map(|line| line.strip_prefix("totals: "));
                line.and_then(|count| count.trim().parse::<f64>().ok())
            });
            println!("{counted}");
            counted
        };
        costs().min(costs()).min(costs())
    }

    fn control(&self, what: &str) {
        let done = Command::new(tool("callgrind_control", "valgrind"))
            .args([what, &self.passerelle.pid().to_string()])
            .output()
            .expect("callgrind_control runs");
        assert!(done.status.success(), "{done:?}");
    }
}

/// A service that sends back a hundred bytes for each hundred.
fn echo() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    let port = listener.local_addr().expect("it is bound").port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || -> io::Result<()> {
                stream.set_nodelay(true)?;
                let mut request = [0; 100];
                loop {
                    stream.read_exact(&mut request)?;
                    stream.write_all(&request)?;
                }
            });
        }
    });
    port
}

#[test]
fn carrying_costs_no_more_than_it_did() {
    let (sshd, backend) = (Sshd::start(), Backend::start());
    let (bytes, echoes) = (free_port(), free_port());
    let home = Home::empty();
    let output = home.home("callgrind.out");
    let wrapper = [
        tool("valgrind", "valgrind").display().to_string(),
        "--tool=callgrind".into(),
        format!("--callgrind-out-file={}", output.display()),
    ];
    let tunnel = Tunnel::to(&sshd, "lab");
    let unasked = "health = \"none\"";
    let forwards = [
        Forward::new("Backend", bytes, backend.port()).line(unasked),
        Forward::new("Echo", echoes, echo()).line(unasked),
    ];
    let passerelle = Passerelle::on(home.started_by(wrapper), &sshd, tunnel, forwards);
    passerelle.wait_phase("healthy", BOUND);
    let mut counted = Counted {
        passerelle,
        output,
        dumps: 0,
    };

    const LENGTH: u64 = 4 * MEBIBYTE;
    let down = counted.costs(|| {
        let got = begin_download(bytes, &format!("/bytes/{LENGTH}"));
        let got = io::copy(&mut got.expect("it listens"), &mut io::sink());
        assert_eq!(got.expect("it comes whole"), LENGTH);
    });
    let up = counted.costs(|| {
        let mut upload = TcpStream::connect((Ipv4Addr::LOCALHOST, bytes)).expect("it listens");
        upload.set_read_timeout(Some(BOUND)).expect("it is ours");
        write!(
            upload,
            "POST /upload HTTP/1.1\r\nContent-Length: {LENGTH}\r\n\r\n"
        )
        .expect("open");
        io::copy(&mut Pattern::new().take(LENGTH), &mut upload).expect("it takes all");
        upload.shutdown(Shutdown::Write).expect("it is open");
        io::copy(&mut upload, &mut io::sink()).expect("it answers");
    });
    let mut kept = TcpStream::connect((Ipv4Addr::LOCALHOST, echoes)).expect("it listens");
    kept.set_read_timeout(Some(BOUND)).expect("it is ours");
    let request = counted.costs(|| {
        for _ in 0..200 {
            kept.write_all(&[7; 100]).expect("it is open");
            kept.read_exact(&mut [0; 100]).expect("it answers");
        }
    });
    let connection = counted.costs(|| {
        for _ in 0..50 {
            assert_eq!(get(bytes, "/metrics").expect("it answers").status, 200);
        }
    });

    let down = down / 1e6 / (LENGTH / MEBIBYTE) as f64;
    let up = up / 1e6 / (LENGTH / MEBIBYTE) as f64;
    let (request, connection) = (request / 1e3 / 200.0, connection / 1e3 / 50.0);
    println!(
        "{down:.2} M a MiB down, {up:.2} M up, {request:.0} k a request, {connection:.0} k a connection"
    );
    assert!(down < DOWN_MOST, "{down:.2} million a mebibyte down");
    assert!(up < UP_MOST, "{up:.2} million a mebibyte up");
    assert!(request < REQUEST_MOST, "{request:.0} thousand a request");
    assert!(
        connection < CONNECTION_MOST,
        "{connection:.0} thousand a connection"
    );
}

#[test]
fn an_idle_session_has_little_memory_of_its_own() {
    let sshd = Sshd::start();
    let tunnel = Tunnel::to(&sshd, "lab");
    let passerelle = Passerelle::on(Home::empty(), &sshd, tunnel, []);
    passerelle.wait_phase("healthy", BOUND);
    let memory = own_memory_mib(passerelle.pid());
    println!("{memory:.2} MiB");
    assert!(memory < IDLE_MOST, "{memory:.2} MiB");
}
