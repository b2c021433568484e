//! Small requests on connections that stay.

use std::net::Ipv4Addr;
use std::thread;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

/// The size of a request, and of its answer, in bytes.
const SIZE: usize = 128;

/// How long one may take.
const BOUND: Duration = Duration::from_secs(30);

fn runtime() -> Runtime {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime can be made")
}

/// A service that sends back what it is sent, until the program ends. Its port.
pub(crate) fn serve() -> u16 {
    let runtime = runtime();
    let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
    let listener = listener.expect("a port is free");
    let port = listener.local_addr().expect("it is bound").port();
    thread::spawn(move || {
        runtime.block_on(async {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                tokio::spawn(async move {
                    let mut message = [0; SIZE];
                    while stream.read_exact(&mut message).await.is_ok()
                        && stream.write_all(&message).await.is_ok()
                    {}
                });
            }
        });
    });
    port
}

/// How many requests were answered in that time on so many connections, each with one under way, by these ports
/// in turn.
pub(crate) fn requests(ports: &[u16], connections: usize, during: Duration) -> u64 {
    runtime().block_on(async {
        let mut all = JoinSet::new();
        let mut streams = Vec::new();
        for port in ports.iter().cycle().take(connections) {
            let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, *port));
            let stream = timeout(BOUND, stream).await.expect("it accepts");
            streams.push(stream.expect("it listens"));
        }
        let end = Instant::now() + during;
        for mut stream in streams {
            let _ = stream.set_nodelay(true);
            all.spawn(async move {
                let (sent, mut got) = ([0x5a; SIZE], [0; SIZE]);
                let mut answered = 0;
                let asking = async {
                    loop {
                        stream.write_all(&sent).await.expect("it is open");
                        let answer = timeout(BOUND, stream.read_exact(&mut got)).await;
                        answer.expect("it answers").expect("it is open");
                        answered += 1;
                    }
                };
                let _: Result<(), _> = timeout_at(end, asking).await;
                answered
            });
        }
        let mut answered = 0;
        while let Some(each) = all.join_next().await {
            answered += each.expect("it does not panic");
        }
        answered
    })
}
