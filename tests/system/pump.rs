//! The data path on a real session: exact bytes or a reset, and nobody waits for anybody else.

mod rig;

use crate::common::{Pattern, Sshd, wait_until};
use passerelle::engine::probe::probe;
use passerelle::engine::spool::Limits;
use passerelle::model::{Fault, Health, HealthCheck, HealthReason, HealthState, Input};
use rig::{BOUND, Rig};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// A service whose connections the test holds itself.
fn service() -> (TcpListener, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    let port = listener.local_addr().expect("it is bound").port();
    (listener, port)
}

/// One connection through the forward: the program's end and the service's.
fn pair(rig: &Rig, service: &TcpListener) -> (TcpStream, TcpStream) {
    let program = rig.connect();
    let (served, _) = service.accept().expect("it comes through");
    served.set_read_timeout(Some(BOUND)).expect("it is ours");
    served.set_write_timeout(Some(BOUND)).expect("it is ours");
    (program, served)
}

fn pattern(length: u64) -> impl Read {
    Pattern::new().take(length)
}

fn summary(mut reader: impl Read) -> io::Result<String> {
    Pattern::summary(&mut reader)
}

#[track_caller]
fn assert_reset(stream: &mut TcpStream) {
    let ended = io::copy(stream, &mut io::sink());
    let error = ended.expect_err("it is no orderly end");
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{error}");
}

#[test]
fn each_direction_ends_on_its_own() {
    const LENGTH: u64 = 20 << 20;
    let (service, port) = service();
    let rig = Rig::to(port);
    let expected = summary(pattern(LENGTH)).expect("it never fails");

    // The program ends first, and still reads all.
    let (mut program, mut served) = pair(&rig, &service);
    program.shutdown(Shutdown::Write).expect("it is open");
    assert_eq!(served.read(&mut [0; 1]).expect("it ends"), 0);
    let sending = std::thread::spawn(move || io::copy(&mut pattern(LENGTH), &mut served));
    assert_eq!(summary(&mut program).expect("it comes whole"), expected);
    sending.join().expect("no panic").expect("it takes all");

    // The service ends first, and still reads all.
    let (mut program, mut served) = pair(&rig, &service);
    served.shutdown(Shutdown::Write).expect("it is open");
    assert_eq!(program.read(&mut [0; 1]).expect("it ends"), 0);
    let sending = std::thread::spawn(move || {
        io::copy(&mut pattern(LENGTH), &mut program)?;
        program.shutdown(Shutdown::Write)?;
        program.read(&mut [0; 1])
    });
    assert_eq!(summary(&mut served).expect("it comes whole"), expected);
    drop(served);
    assert_eq!(sending.join().expect("no panic").expect("in order"), 0);

    wait_until("both are over", BOUND, || rig.counters.connections() == 0);
    assert_eq!(rig.counters.bytes_in(), LENGTH);
    assert_eq!(rig.counters.bytes_out(), LENGTH);
}

#[test]
fn a_program_that_gives_up_is_noticed_while_nothing_is_taken_from_it() {
    let (service, port) = service();
    let rig = Rig::to(port);
    let (mut program, served) = pair(&rig, &service);
    // Until nobody takes any more: not the service, and not what lies between.
    let pause = Duration::from_secs(1);
    program.set_write_timeout(Some(pause)).expect("it is ours");
    let full = io::copy(&mut Pattern::new(), &mut program);
    full.expect_err("it does not end well");
    assert_eq!(rig.counters.connections(), 1);
    let linger = socket2::SockRef::from(&program).set_linger(Some(Duration::ZERO));
    linger.expect("it is ours");
    drop(program);
    wait_until("it is over", Duration::from_secs(10), || {
        rig.counters.connections() == 0
    });
    drop(served);
}

#[test]
fn a_program_that_never_reads_is_reset_at_its_quota_and_disturbs_nobody() {
    let (service, port) = service();
    let limits = Limits {
        connection_disk: 64 << 20,
        ..Limits::default()
    };
    let rig = Rig::with(Sshd::start(), port, limits);
    let (mut stalled, mut flooding) = pair(&rig, &service);
    let flood = std::thread::spawn(move || io::copy(&mut Pattern::new(), &mut flooding));
    let mut answered = 0;
    while !flood.is_finished() || answered < 100 {
        let (mut program, mut served) = pair(&rig, &service);
        let start = Instant::now();
        program.write_all(b"?").expect("it is open");
        served.read_exact(&mut [0; 1]).expect("it comes through");
        served.write_all(b"!").expect("it is open");
        program.read_exact(&mut [0; 1]).expect("it comes back");
        assert!(
            start.elapsed() < Duration::from_secs(2),
            "{:?}",
            start.elapsed()
        );
        assert!(rig.spool.in_memory() <= 9 << 20);
        answered += 1;
    }
    assert!(rig.counters.bytes_in() > 64 << 20);
    assert_reset(&mut stalled);
    wait_until("everything is given back", BOUND, || {
        rig.counters.connections() == 0 && rig.spool.in_memory() + rig.spool.on_disk() == 0
    });
}

#[test]
fn what_waited_for_a_program_makes_room_for_others_as_soon_as_that_is_reset() {
    let (service, port) = service();
    let limits = Limits {
        connection_disk: 16 << 20,
        ..Limits::default()
    };
    let rig = Rig::with(Sshd::start(), port, limits);
    let (program, mut flooding) = pair(&rig, &service);
    let flood = std::thread::spawn(move || io::copy(&mut Pattern::new(), &mut flooding));
    wait_until("it is reset", BOUND, || {
        program.take_error().expect("it is open").is_some()
    });
    // Long before the server has left the channel.
    assert_eq!(rig.spool.in_memory() + rig.spool.on_disk(), 0);
    let flooded = flood.join().expect("no panic");
    assert!(flooded.is_err(), "{flooded:?}");
}

#[test]
fn a_slow_program_gets_every_byte_by_way_of_the_disk() {
    const LENGTH: u64 = 256 << 20;
    let (service, port) = service();
    let rig = Rig::to(port);
    let (mut program, mut served) = pair(&rig, &service);
    let sending = std::thread::spawn(move || io::copy(&mut pattern(LENGTH), &mut served));
    // It starts late; meanwhile and afterwards, more comes than it takes.
    wait_until("much waits on disk", BOUND, || {
        rig.spool.on_disk() > 100 << 20
    });
    assert!(rig.spool.in_memory() <= 9 << 20);
    let read = summary(&mut program).expect("it comes whole");
    assert_eq!(read, summary(pattern(LENGTH)).expect("it never fails"));
    sending.join().expect("no panic").expect("it takes all");
    wait_until("everything is given back", BOUND, || {
        rig.spool.in_memory() + rig.spool.on_disk() == 0
    });
}

#[test]
fn a_lost_session_resets_what_it_carried_also_who_waits_to_send() {
    let (service, port) = service();
    let rig = Rig::to(port);
    let (mut program, served) = pair(&rig, &service);
    let sending = std::thread::spawn(move || io::copy(&mut Pattern::new(), &mut program));
    let mut sent = 0;
    wait_until("the window is used up", BOUND, || {
        let before = std::mem::replace(&mut sent, rig.counters.bytes_out());
        sent > 1 << 20 && sent == before
    });
    rig.sshd.kill_sessions();
    let error = sending.join().expect("no panic").expect_err("it is lost");
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{error}");
    drop(served);
    wait_until("nothing is left of it", BOUND, || {
        rig.counters.connections() == 0
    });
}

#[test]
fn a_session_lost_behind_a_backlog_is_no_end_either() {
    let (service, port) = service();
    let rig = Rig::to(port);
    let (mut program, mut served) = pair(&rig, &service);
    served.write_all(&vec![7; 12 << 20]).expect("it is taken");
    wait_until("all of it waits", BOUND, || {
        rig.counters.bytes_in() == 12 << 20
    });
    rig.sshd.kill_sessions();
    assert_reset(&mut program);
}

#[test]
fn a_service_that_resets_is_a_reset() {
    let (service, port) = service();
    let rig = Rig::to(port);
    let (mut program, served) = pair(&rig, &service);
    socket2::SockRef::from(&served)
        .set_linger(Some(Duration::ZERO))
        .expect("it is ours");
    drop(served);
    // sshd tells of it when it cannot deliver.
    let error = io::copy(&mut Pattern::new(), &mut program).expect_err("nobody takes it");
    let kinds = [io::ErrorKind::ConnectionReset, io::ErrorKind::BrokenPipe];
    assert!(kinds.contains(&error.kind()), "{error}");
}

#[test]
fn an_answer_before_the_end_of_the_question_is_whole() {
    const LENGTH: u64 = 4 << 20;
    let (service, port) = service();
    let rig = Rig::to(port);
    let (mut program, mut served) = pair(&rig, &service);
    io::copy(&mut pattern(LENGTH), &mut served).expect("it is taken");
    drop(served);
    let expected = summary(pattern(LENGTH)).expect("it never fails");
    assert_eq!(summary(&mut program).expect("it comes whole"), expected);
    // What is said then is lost, and the program hears that it is.
    let error = io::copy(&mut Pattern::new(), &mut program).expect_err("nobody takes it");
    let kinds = [io::ErrorKind::ConnectionReset, io::ErrorKind::BrokenPipe];
    assert!(kinds.contains(&error.kind()), "{error}");
    wait_until("nothing is left of it", BOUND, || {
        rig.counters.connections() == 0
    });
}

#[test]
fn a_program_that_resets_ends_the_services_connection() {
    let (service, port) = service();
    let rig = Rig::to(port);
    let (program, mut served) = pair(&rig, &service);
    let flood = std::thread::spawn(move || io::copy(&mut Pattern::new(), &mut served));
    wait_until("it flows", BOUND, || rig.counters.bytes_in() > 1 << 20);
    socket2::SockRef::from(&program)
        .set_linger(Some(Duration::ZERO))
        .expect("it is ours");
    drop(program);
    assert!(flood.join().expect("no panic").is_err());
    wait_until("nothing is left of it", BOUND, || {
        rig.counters.connections() == 0
    });
}

#[test]
fn beyond_256_connections_the_rest_waits_its_turn() {
    let (service, port) = service();
    // Longer than what the standard library asks for.
    socket2::SockRef::from(&service)
        .listen(300)
        .expect("it is ours");
    let rig = Rig::to(port);
    let mut programs: Vec<_> = (0..300).map(|_| rig.connect()).collect();
    let mut served = Vec::new();
    for _ in 0..256 {
        served.push(service.accept().expect("it comes through").0);
    }
    assert_eq!(rig.counters.connections(), 256);
    service.set_nonblocking(true).expect("it is ours");
    let early = service.accept().expect_err("the others wait");
    assert_eq!(early.kind(), io::ErrorKind::WouldBlock);
    service.set_nonblocking(false).expect("it is ours");
    // Both sides must have ended before there is a place.
    for program in &programs[..256] {
        program.shutdown(Shutdown::Write).expect("it is open");
    }
    drop(served);
    for _ in 256..300 {
        let (mut late, _) = service.accept().expect("it comes through");
        late.write_all(b"at last").expect("it is open");
    }
    for (number, program) in programs.iter_mut().enumerate() {
        let mut said = String::new();
        program.read_to_string(&mut said).expect("it ends in order");
        assert_eq!(said, if number < 256 { "" } else { "at last" });
    }
}

#[test]
fn a_connection_waits_for_a_session_and_asks_for_one() {
    let (service, port) = service();
    let mut rig = Rig::without_session(Sshd::start(), port, Limits::default());
    rig.listen();
    let (mut one, mut two) = (rig.connect(), rig.connect());
    one.write_all(b"hello").expect("it is open");
    two.write_all(b"hello").expect("it is open");
    let demands = || {
        let inputs = rig.inputs();
        let demands = inputs
            .iter()
            .filter(|input| matches!(input, Input::Demand(_)));
        demands.count()
    };
    wait_until("a session is asked for", BOUND, || demands() > 0);
    rig.dial();
    for _ in 0..2 {
        let (mut served, _) = service.accept().expect("it comes through");
        let mut said = [0; 5];
        served.read_exact(&mut said).expect("it comes through");
        assert_eq!(&said, b"hello");
    }
    assert_eq!(demands(), 1);
}

#[test]
fn a_lost_session_is_replaced_under_a_listening_forward() {
    let (service, port) = service();
    let rig = Rig::to(port);
    rig.sshd.kill_sessions();
    let mut program = rig.connect();
    program.write_all(b"hello").expect("it is open");
    rig.dial();
    let (mut served, _) = service.accept().expect("it comes through");
    served.read_exact(&mut [0; 5]).expect("it comes through");
}

#[test]
fn what_the_server_cannot_reach_or_forbids_is_reset_at_once() {
    let (service, port) = service();
    drop(service);
    let rig = Rig::to(port);
    let start = Instant::now();
    assert_reset(&mut rig.connect());
    let rig = Rig::with(Sshd::with("PermitOpen none"), port, Limits::default());
    assert_reset(&mut rig.connect());
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_closed_forward_resets_its_connections_and_frees_its_port() {
    let (service, port) = service();
    let mut rig = Rig::to(port);
    let (mut program, mut served) = pair(&rig, &service);
    rig.close_forward();
    assert_reset(&mut program);
    assert_eq!(served.read(&mut [0; 1]).expect("it ends"), 0);
    wait_until("the port is free", BOUND, || {
        TcpListener::bind((Ipv4Addr::LOCALHOST, rig.settings.local.port())).is_ok()
    });
    wait_until("nothing is left of it", BOUND, || {
        rig.counters.connections() == 0
    });
}

#[test]
fn a_taken_port_is_a_fault_until_it_is_free() {
    let (service, port) = service();
    let mut rig = Rig::without_session(Sshd::start(), port, Limits::default());
    rig.dial();
    let address = (Ipv4Addr::LOCALHOST, rig.settings.local.port());
    let holder = TcpListener::bind(address).expect("it is free");
    rig.listen();
    let [
        Input::Listening {
            result: Err(fault), ..
        },
    ] = &*told(&rig)
    else {
        panic!("{:?}", told(&rig));
    };
    let Fault::PortTaken { owner, .. } = fault else {
        panic!("{fault:?}");
    };
    assert_eq!(
        owner.as_ref().map(|owner| owner.pid),
        Some(std::process::id())
    );
    drop(holder);
    wait_until("it listens", BOUND, || {
        // A process that another test is just starting may hold the port a moment longer.
        rig.forward().update(rig.settings.clone());
        matches!(
            told(&rig).last(),
            Some(Input::Listening { result: Ok(()), .. })
        )
    });
    pair(&rig, &service);
}

/// What the forward has said of its listener.
fn told(rig: &Rig) -> Vec<Input> {
    let mut inputs = rig.inputs();
    inputs.retain(|input| matches!(input, Input::Listening { .. }));
    inputs
}

#[test]
fn new_settings_are_for_new_connections() {
    let (first, first_port) = service();
    let (second, second_port) = service();
    let rig = Rig::to(first_port);
    let (mut old, mut served) = pair(&rig, &first);
    let mut settings = (*rig.settings).clone();
    settings.remote.port = second_port;
    rig.forward().update(settings.into());
    wait_until("they are taken over", BOUND, || told(&rig).len() == 2);
    pair(&rig, &second);
    old.write_all(b"still here").expect("it is open");
    served.read_exact(&mut [0; 10]).expect("it comes through");
}

#[test]
fn a_service_that_says_nothing_is_given_up_in_time_and_left_in_order() {
    let (service, port) = service();
    let rig = Rig::to(port);
    let mut settings = (*rig.settings).clone();
    let mut ask = |check| {
        settings.health = check;
        let (links, settings) = (rig.links(), settings.clone());
        rig.run(async move {
            let link = links.current().expect("there is a session");
            probe(&link, &settings).await
        })
    };
    let start = Instant::now();
    let health = ask(HealthCheck::Prometheus);
    assert!(start.elapsed() < Duration::from_secs(8));
    let remote = rig.settings.remote.to_string();
    let silent = Health::because(HealthState::Unreachable, HealthReason::NoAnswer { remote });
    assert_eq!(health, silent);
    assert_eq!(ask(HealthCheck::Tcp), Health::ok());
    assert_eq!(ask(HealthCheck::None), Health::ok());
    wait_until("both channels are gone", BOUND, || {
        rig.sshd.logged("free: direct-tcpip") == 2
    });
    drop(service);
}
