//! A small HTTP client over a plain socket: it can send what no library would.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

const TIMEOUT: Duration = Duration::from_secs(20);

/// Where to ask.
#[derive(Clone, Copy)]
pub struct Client {
    address: SocketAddr,
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Checks that it is a problem with this status and code, with words for people.
    #[track_caller]
    pub fn is_problem(&self, status: u16, code: &str) {
        let text = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status, status, "{text}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{text}");
        let problem = self.json();
        assert_eq!(problem["code"], code);
        assert_eq!(problem["status"], status);
        assert!(!problem["title"].as_str().unwrap().is_empty() && !problem["detail"].as_str().unwrap().is_empty());
    }
}

impl Client {
    pub fn new(address: SocketAddr) -> Self {
        Self { address }
    }

    pub fn address(self) -> SocketAddr {
        self.address
    }

    fn connect(self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        stream
    }

    /// Sends these bytes and reads the answer to its end.
    pub fn send(self, request: &[u8]) -> Answer {
        exchange(self.connect(), request)
    }

    /// Asks with these headers, beside those that every request has.
    pub fn ask(self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\
             content-length: {length}\r\n\r\n"
        );
        self.send(&[head.as_bytes(), body].concat())
    }

    /// Opens an event stream.
    pub fn stream(self, path: &str, last: Option<u64>) -> Events {
        let mut stream = self.connect();
        let last = last.map(|id| format!("last-event-id: {id}\r\n")).unwrap_or_default();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\naccept-encoding: gzip\r\n{last}\r\n").unwrap();
        let mut reader = BufReader::new(stream);
        let (status, headers) = head(&mut reader);
        assert_eq!(status, 200);
        assert!(headers.contains(&("content-type".into(), "text/event-stream".into())), "{headers:?}");
        Events { lines: BufReader::new(Chunks::new(reader)) }
    }
}

/// Sends these bytes over this line and reads the answer to its end.
pub fn exchange(mut stream: impl Read + Write, request: &[u8]) -> Answer {
    stream.write_all(request).unwrap();
    let mut reader = BufReader::new(stream);
    let (status, headers) = head(&mut reader);
    let mut answer = Answer { status, headers, body: Vec::new() };
    if answer.header("transfer-encoding") == Some("chunked") {
        Chunks::new(&mut reader).read_to_end(&mut answer.body).unwrap();
    } else {
        reader.read_to_end(&mut answer.body).unwrap();
    }
    answer
}

pub fn get(client: Client, path: &str) -> Answer {
    client.send(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").as_bytes())
}

pub fn post(client: Client, path: &str, kind: &str, body: &[u8]) -> Answer {
    let kind = if kind.is_empty() { String::new() } else { format!("content-type: {kind}\r\n") };
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{kind}content-length: {length}\r\n\r\n"
    );
    client.send(&[head.as_bytes(), body].concat())
}

pub fn post_json(client: Client, path: &str, body: &Value) -> Answer {
    post(client, path, "application/json", body.to_string().as_bytes())
}

fn head(reader: &mut impl std::io::BufRead) -> (u16, Vec<(String, String)>) {
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let status = line.split(' ').nth(1).unwrap_or_else(|| panic!("no status in {line:?}")).parse().unwrap();
    let mut headers = Vec::new();
    loop {
        line.clear();
        reader.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim_end().split_once(':') else { return (status, headers) };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

/// Undoes `transfer-encoding: chunked`.
struct Chunks<R> {
    reader: R,
    left: usize,
    over: bool,
}

impl<R: std::io::BufRead> Chunks<R> {
    fn new(reader: R) -> Self {
        Self { reader, left: 0, over: false }
    }
}

impl<R: std::io::BufRead> Read for Chunks<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        while self.left == 0 && !self.over {
            let mut line = String::new();
            self.reader.read_line(&mut line)?;
            if line.trim().is_empty() && !line.is_empty() {
                continue;
            }
            self.left = usize::from_str_radix(line.trim(), 16).unwrap_or(0);
            self.over = self.left == 0;
        }
        let most = into.len().min(self.left);
        let read = self.reader.read(&mut into[..most])?;
        self.left -= read;
        Ok(read)
    }
}

/// An event of a stream.
#[derive(Debug)]
pub struct Event {
    pub id: u64,
    pub data: Value,
}

/// An open event stream.
pub struct Events {
    lines: BufReader<Chunks<BufReader<TcpStream>>>,
}

impl Events {
    /// The next events up to the first of this type.
    pub fn until(&mut self, kind: &str) -> Vec<Event> {
        let mut events = Vec::new();
        let mut id = 0;
        loop {
            let mut line = String::new();
            assert!(self.lines.read_line(&mut line).unwrap() > 0, "the stream ended before {kind}: {events:?}");
            if let Some(number) = line.strip_prefix("id: ") {
                id = number.trim().parse().unwrap();
            } else if let Some(data) = line.strip_prefix("data: ") {
                events.push(Event { id, data: serde_json::from_str(data).unwrap() });
                if events.last().is_some_and(|event| event.data["type"] == kind) {
                    return events;
                }
            }
        }
    }

    /// What follows, undecoded.
    pub fn rest(&mut self) -> impl Read + '_ {
        &mut self.lines
    }
}
