//! The one place where the long tests speak to the API: HTTP/1.1 by hand over tokio, with the visitor's cookie and
//! the idempotency key. A failed request is given back as it is: only the caller knows whether it may be sent again.
#![allow(dead_code, reason = "each test file uses its share")]

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use uuid::Uuid;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// Small, as thousands of streams lie open at once.
const BUFFER: usize = 1024;

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

    /// The body; null if it is no JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The problem's code; empty if it is none.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    pub fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether it is a refusal that says when to come again.
    pub fn is_honest_refusal(&self) -> bool {
        let seconds = self.header("retry-after").and_then(|seconds| seconds.parse::<u32>().ok());
        matches!(self.status, 429 | 503) && seconds.is_some() && !self.code().is_empty()
    }

    /// A short account for a failed test.
    pub fn account(&self) -> String {
        let body: String = String::from_utf8_lossy(&self.body).chars().take(300).collect();
        format!("{} {body}", self.status)
    }
}

/// A message to be sent.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    pub session: Uuid,
    pub text: &'a str,
    /// The earlier message that it is another version of.
    pub replaces: Option<u64>,
    pub key: &'a str,
}

/// A request. The same one may be sent again.
#[derive(Clone, Debug)]
pub struct Ask {
    method: &'static str,
    path: String,
    key: Option<String>,
    body: Option<Value>,
}

impl Ask {
    fn post(path: String, key: Option<&str>, body: Option<Value>) -> Self {
        Self { method: "POST", path, key: key.map(str::to_owned), body }
    }

    pub fn get(path: impl Into<String>) -> Self {
        Self { method: "GET", path: path.into(), key: None, body: None }
    }

    /// Becomes a visitor.
    pub fn enter() -> Self {
        Self::post("/api/visitor".into(), None, None)
    }

    /// Asks who would help.
    pub fn matches(text: &str) -> Self {
        Self::post("/api/match".into(), None, Some(json!({"text": text, "k": 3})))
    }

    /// Opens a session; without a supporter the matcher chooses.
    pub fn open(supporter: Option<u32>, about: &str, key: &str) -> Self {
        let body = match supporter {
            Some(index) => json!({"supporter": index, "about": about}),
            None => json!({"about": about}),
        };
        Self::post("/api/sessions".into(), Some(key), Some(body))
    }

    pub fn say(message: &Message<'_>) -> Self {
        let mut body = json!({"text": message.text});
        if let Some(seq) = message.replaces {
            body["replaces"] = seq.into();
        }
        Self::post(format!("/api/sessions/{}/messages", message.session), Some(message.key), Some(body))
    }

    pub fn regenerate(session: Uuid, key: &str) -> Self {
        Self::post(format!("/api/sessions/{session}/regenerate"), Some(key), Some(json!({})))
    }

    pub fn stop(session: Uuid) -> Self {
        Self::post(format!("/api/sessions/{session}/stop"), None, None)
    }

    pub fn end(session: Uuid) -> Self {
        Self::post(format!("/api/sessions/{session}/end"), None, None)
    }

    pub fn show(session: Uuid) -> Self {
        Self::get(format!("/api/sessions/{session}"))
    }
}

/// One person's line to the server.
pub struct Client {
    address: SocketAddr,
    /// The address to come from; none leaves it to the system.
    from: Option<IpAddr>,
    cookie: Option<String>,
    line: Option<BufReader<TcpStream>>,
}

impl Client {
    pub fn new(address: SocketAddr) -> Self {
        Self { address, from: None, cookie: None, line: None }
    }

    pub fn coming_from(address: SocketAddr, from: IpAddr) -> Self {
        Self { from: Some(from), ..Self::new(address) }
    }

    /// Another line for the same person.
    pub fn beside(&self) -> Self {
        Self { address: self.address, from: self.from, cookie: self.cookie.clone(), line: None }
    }

    /// Speaks to this address from now on.
    pub fn turn_to(&mut self, address: SocketAddr) {
        if self.address != address {
            self.address = address;
            self.line = None;
        }
    }

    /// Who the server takes this for; none before it entered.
    pub fn cookie(&self) -> Option<String> {
        self.cookie.clone()
    }

    /// Becomes the one whom this cookie was given to; nobody without one.
    pub fn become_one(&mut self, cookie: Option<String>) {
        self.cookie = cookie;
    }

    /// Lets go of the line; the next request opens another.
    pub fn hang_up(&mut self) {
        self.line = None;
    }

    /// Asks once. The cookie that an answer brings is kept.
    pub async fn ask(&mut self, ask: &Ask) -> io::Result<Answer> {
        let outcome = within_patience(self.exchange(self.written(ask).as_bytes())).await;
        let Ok(answer) = outcome else {
            self.line = None;
            return outcome;
        };
        if let Some(cookie) = answer.header("set-cookie") {
            self.cookie = cookie.split(';').next().map(str::to_owned);
        }
        Ok(answer)
    }

    /// The events of a session after this number, or what the server says instead.
    pub async fn events(&self, session: Uuid, after: u64) -> io::Result<Result<Events, Answer>> {
        let head = format!(
            "GET /api/sessions/{session}/events HTTP/1.1\r\nhost: localhost\r\nlast-event-id: {after}\r\n{}\r\n",
            self.cookie_line()
        );
        let listen = async {
            let mut line = self.connect(BUFFER).await?;
            line.write_all(head.as_bytes()).await?;
            let (status, headers) = read_head(&mut line).await?;
            if status == 200 {
                return Ok(Ok(Events { line, left: 0, text: Vec::new(), at: 0 }));
            }
            let body = read_body(&mut line, &headers).await?;
            Ok(Err(Answer { status, headers, body }))
        };
        within_patience(listen).await
    }

    fn written(&self, ask: &Ask) -> String {
        let Ask { method, path, key, body } = ask;
        let key = key.as_ref().map(|key| format!("idempotency-key: {key}\r\n")).unwrap_or_default();
        let body = body.as_ref().map(Value::to_string);
        let about_body = match &body {
            Some(body) => format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len()),
            None if *method == "POST" => "content-length: 0\r\n".to_owned(),
            None => String::new(),
        };
        let cookie = self.cookie_line();
        let body = body.unwrap_or_default();
        format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n{key}{cookie}{about_body}\r\n{body}")
    }

    async fn exchange(&mut self, request: &[u8]) -> io::Result<Answer> {
        // A line that the server has closed meanwhile is no lost answer.
        let alive = |line: &BufReader<TcpStream>| {
            let peeked = line.get_ref().try_read(&mut [0]);
            peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
        };
        let mut line = match self.line.take().filter(alive) {
            Some(line) => line,
            None => self.connect(8 * BUFFER).await?,
        };
        line.write_all(request).await?;
        let (status, headers) = read_head(&mut line).await?;
        let body = read_body(&mut line, &headers).await?;
        let answer = Answer { status, headers, body };
        if answer.header("connection") != Some("close") {
            self.line = Some(line);
        }
        Ok(answer)
    }

    async fn connect(&self, buffer: usize) -> io::Result<BufReader<TcpStream>> {
        let socket = TcpSocket::new_v4()?;
        if let Some(from) = self.from {
            socket.bind((from, 0).into())?;
        }
        let stream = socket.connect(self.address).await?;
        stream.set_nodelay(true)?;
        Ok(BufReader::with_capacity(buffer, stream))
    }

    fn cookie_line(&self) -> String {
        self.cookie.as_ref().map(|cookie| format!("cookie: {cookie}\r\n")).unwrap_or_default()
    }
}

async fn within_patience<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(PATIENCE, work).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

fn unreadable(what: &str, found: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{what}: {found:?}"))
}

async fn read_line(line: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut text = String::new();
    if line.read_line(&mut text).await? == 0 || !text.ends_with('\n') {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    text.truncate(text.trim_end().len());
    Ok(text)
}

async fn read_head(line: &mut BufReader<TcpStream>) -> io::Result<(u16, Vec<(String, String)>)> {
    let first = read_line(line).await?;
    let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| unreadable("no status", &first))?;
    let mut headers = Vec::new();
    loop {
        let text = read_line(line).await?;
        let Some((name, value)) = text.split_once(':') else { return Ok((status, headers)) };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

async fn read_body(line: &mut BufReader<TcpStream>, headers: &[(String, String)]) -> io::Result<Vec<u8>> {
    let header = |name: &str| headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let mut body = Vec::new();
    if header("transfer-encoding") == Some("chunked") {
        while let Some(size) = chunk(line).await? {
            let from = body.len();
            body.resize(from + size, 0);
            line.read_exact(&mut body[from..]).await?;
            read_line(line).await?;
        }
        read_line(line).await?;
    } else if let Some(length) = header("content-length") {
        body.resize(length.parse().map_err(|_| unreadable("no length", length))?, 0);
        line.read_exact(&mut body).await?;
    }
    Ok(body)
}

/// The size of the next chunk; none if it is the last.
async fn chunk(line: &mut BufReader<TcpStream>) -> io::Result<Option<usize>> {
    let text = read_line(line).await?;
    let size = usize::from_str_radix(&text, 16).map_err(|_| unreadable("no chunk's size", &text))?;
    Ok((size > 0).then_some(size))
}

/// An event of a stream.
#[derive(Debug)]
pub struct Event {
    /// None for one that tells a state.
    pub id: Option<u64>,
    pub data: Value,
}

impl Event {
    pub fn kind(&self) -> &str {
        self.data["type"].as_str().unwrap_or_default()
    }
}

/// An open event stream.
pub struct Events {
    line: BufReader<TcpStream>,
    /// Bytes of the chunk that are still to come.
    left: usize,
    /// Decoded and not yet read.
    text: Vec<u8>,
    /// How far `text` was looked through for the end of an event.
    at: usize,
}

impl Events {
    /// The next event; none if the server ended the stream in good order.
    ///
    /// # Errors
    /// The line's: it broke.
    pub async fn next(&mut self) -> io::Result<Option<Event>> {
        loop {
            while let Some(end) = self.text[self.at..].windows(2).position(|pair| pair == b"\n\n") {
                let block: Vec<u8> = self.text.drain(..self.at + end + 2).collect();
                self.at = 0;
                if let Some(event) = event_of(&String::from_utf8_lossy(&block))? {
                    return Ok(Some(event));
                }
            }
            self.at = self.text.len().saturating_sub(1);
            if self.left == 0 {
                let Some(size) = chunk(&mut self.line).await? else { return Ok(None) };
                self.left = size;
            }
            let ready = self.line.fill_buf().await?;
            if ready.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let taken = ready.len().min(self.left);
            self.text.extend_from_slice(&ready[..taken]);
            self.line.consume(taken);
            self.left -= taken;
            if self.left == 0 {
                read_line(&mut self.line).await?;
            }
        }
    }
}

fn event_of(block: &str) -> io::Result<Option<Event>> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
    let Some(data) = field("data: ") else { return Ok(None) };
    let data = serde_json::from_str(data).map_err(|_| unreadable("an event that is no JSON", data))?;
    let id = field("id: ").map(|id| id.parse().map_err(|_| unreadable("no event's number", id))).transpose()?;
    Ok(Some(Event { id, data }))
}
