//! As much HTTP/1.1 as the stand-ins and the tests need: RFC 9112, one request a connection.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;

/// A request as a server got it; its body is still on the stream.
pub(crate) struct Request {
    /// `GET`, …
    pub(crate) method: String,
    /// Path and query.
    pub(crate) path: String,
    /// Names in lower case, in order.
    pub(crate) headers: Vec<(String, String)>,
}

impl Request {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

/// An answer as a client got it.
#[derive(Debug)]
pub(crate) struct Reply {
    /// The status code.
    pub(crate) status: u16,
    /// Names in lower case, in order.
    pub(crate) headers: Vec<(String, String)>,
    /// The body.
    pub(crate) body: String,
}

impl Reply {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

/// Asks for `path` at a local port, within 10 s.
pub(crate) fn get(port: u16, path: &str) -> io::Result<Reply> {
    ask(port, "GET", path, "", Duration::from_secs(10))
}

/// Whether `path` at a local port is there, within 10 s.
pub(crate) fn answers(port: u16, path: &str) -> bool {
    get(port, path).is_ok_and(|reply| reply.status == 200)
}

/// Asks for `path` at a local port; the body is what can be read from the connection that this gives.
/// Each piece of it is waited for 120 s.
pub(crate) fn begin_download(port: u16, path: &str) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(120)))?;
    write!(stream, "GET {path} HTTP/1.1\r\n\r\n")?;
    // One byte at a time, so that none of the body is lost with the buffer.
    read_head(&mut BufReader::with_capacity(1, &stream))?;
    Ok(stream)
}

/// Goes to a page as a browser does, within 30 s.
pub(crate) fn visit(port: u16, path: &str) -> io::Result<Reply> {
    let line = format!(
        "GET {path} HTTP/1.1\r\nAccept: text/html,application/xhtml+xml\r\nSec-Fetch-Mode: navigate"
    );
    exchange(port, &line, "", Duration::from_secs(30))
}

/// Sends a JSON text to `path` at a local port, and waits that long for each piece of the answer.
pub(crate) fn post(port: u16, path: &str, body: &str, bound: Duration) -> io::Result<Reply> {
    ask(port, "POST", path, body, bound)
}

fn ask(port: u16, method: &str, path: &str, body: &str, bound: Duration) -> io::Result<Reply> {
    exchange(port, &format!("{method} {path} HTTP/1.1"), body, bound)
}

/// Sends a request that begins with these lines.
fn exchange(port: u16, lines: &str, body: &str, bound: Duration) -> io::Result<Reply> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, bound)?;
    stream.set_read_timeout(Some(bound))?;
    write!(
        stream,
        "{lines}\r\nHost: localhost:{port}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut reader = BufReader::new(stream);
    let (first, headers) = read_head(&mut reader)?;
    let status = first.split(' ').nth(1).and_then(|code| code.parse().ok());
    let mut body = String::new();
    // Not everybody hangs up when asked to.
    let length = header(&headers, "content-length").and_then(|length| length.parse().ok());
    reader
        .take(length.unwrap_or(u64::MAX))
        .read_to_string(&mut body)?;
    Ok(Reply {
        status: status.ok_or_else(|| io::Error::other(format!("not HTTP: {first:?}")))?,
        headers,
        body,
    })
}

/// Whether who asks at a local port is left without an answer, for longer than it takes to dial.
pub(crate) fn gets_nothing(port: u16) -> bool {
    ask(port, "GET", "/", "", Duration::from_secs(3)).is_err()
}

/// Sends a whole answer.
pub(crate) fn respond(
    stream: &mut TcpStream,
    status: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<()> {
    let mut head = format!("HTTP/1.1 {status}\r\n");
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += &format!(
        "Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes())
}

type Handler = dyn Fn(&Request, BufReader<TcpStream>) -> io::Result<()> + Send + Sync;

/// A server with a thread for each connection, which can stop and start again on its port.
pub(crate) struct Server {
    port: u16,
    handler: Arc<Handler>,
    running: Option<Running>,
}

struct Running {
    stop: Arc<AtomicBool>,
    streams: Arc<Mutex<Vec<Weak<TcpStream>>>>,
    accepting: thread::JoinHandle<()>,
}

impl Server {
    /// Listens on 127.0.0.1.
    pub(crate) fn start(
        port: u16,
        handler: impl Fn(&Request, BufReader<TcpStream>) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let mut server = Self {
            port,
            handler: Arc::new(handler),
            running: None,
        };
        server.restart();
        server
    }

    /// Its port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Closes the listener and every connection.
    pub(crate) fn stop(&mut self) {
        let Some(running) = self.running.take() else {
            return;
        };
        running.stop.store(true, Ordering::SeqCst);
        // The accept loop looks at the flag when somebody comes.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        let _ = running.accepting.join();
        let streams = running.streams.lock();
        let streams = streams.unwrap_or_else(PoisonError::into_inner);
        for stream in streams.iter().filter_map(Weak::upgrade) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Listens again, on the same port.
    pub(crate) fn restart(&mut self) {
        self.stop();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port));
        let listener = listener.unwrap_or_else(|error| panic!("port {}: {error}", self.port));
        let stop = Arc::new(AtomicBool::new(false));
        let streams = Arc::new(Mutex::new(Vec::new()));
        let accepting = thread::spawn({
            let (stop, streams) = (Arc::clone(&stop), Arc::clone(&streams));
            let handler = Arc::clone(&self.handler);
            move || accept(&listener, &stop, &streams, &handler)
        });
        self.running = Some(Running {
            stop,
            streams,
            accepting,
        });
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

fn accept(
    listener: &TcpListener,
    stop: &AtomicBool,
    streams: &Mutex<Vec<Weak<TcpStream>>>,
    handler: &Arc<Handler>,
) {
    while let Ok((stream, _)) = listener.accept() {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let _ = stream.set_nodelay(true);
        let Ok(ending) = stream.try_clone().map(Arc::new) else {
            continue;
        };
        let mut all = streams.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|stream| stream.strong_count() > 0);
        all.push(Arc::downgrade(&ending));
        drop(all);
        let handler = Arc::clone(handler);
        thread::spawn(move || {
            // A peer that leaves early is no news to a stand-in.
            let _ = serve(stream, &*handler);
            let _ = ending.shutdown(Shutdown::Both);
        });
    }
}

fn serve(stream: TcpStream, handler: &Handler) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(64 << 10, stream);
    let (first, headers) = read_head(&mut reader)?;
    let mut words = first.split(' ').map(str::to_owned);
    let request = Request {
        method: words.next().unwrap_or_default(),
        path: words.next().unwrap_or_default(),
        headers,
    };
    handler(&request, reader)
}

type Head = (String, Vec<(String, String)>);

fn read_head(reader: &mut impl BufRead) -> io::Result<Head> {
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let Some((name, value)) = line.split_once(':') else {
            return Ok((first.trim_end().to_owned(), headers));
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = headers.iter().find(|(found, _)| found == name);
    found.map(|(_, value)| value.as_str())
}
