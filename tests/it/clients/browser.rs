//! A page in a browser: Chromium without a window, MQTT.js over WebSocket.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, Sender, channel},
    time::Duration,
};

use super::{Transports, mqttjs, need};
use crate::support::{Client, Message, Version, unique};

/// From the start of the browser to its last word.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the page is made of, served over HTTP; what it posts comes out of the channel.
fn serve(script: PathBuf) -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (done, told) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (script, done) = (script.clone(), done.clone());
            std::thread::spawn(move || answer(stream, &script, &done));
        }
    });
    (address, told)
}

/// One request; none comes on connections that a browser opens to have them.
fn answer(mut stream: TcpStream, script: &Path, done: &Sender<String>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).ok()?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
        let line = line.trim().to_lowercase();
        if let Some(count) = line.strip_prefix("content-length:") {
            length = count.trim().parse().ok()?;
        }
        if line.is_empty() {
            break;
        }
    }
    let page = include_bytes!("../../clients/browser.html");
    let (status, kind, body) = match first.split(['?', ' ']).nth(1)? {
        "/" => ("200 OK", "text/html", page.to_vec()),
        "/mqtt.js" => ("200 OK", "text/javascript", fs::read(script).ok()?),
        "/done" => {
            let mut text = vec![0; length];
            reader.read_exact(&mut text).ok()?;
            done.send(String::from_utf8_lossy(&text).into_owned()).ok()?;
            ("200 OK", "text/plain", Vec::new())
        }
        _ => ("404 Not Found", "text/plain", Vec::new()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(&body).ok()
}

/// The browser with this page; it ends with the test.
struct Browser(Child);

impl Browser {
    fn open(folder: &Path, url: &str) -> Self {
        let log = fs::File::create(folder.join("log")).unwrap();
        let child = Command::new("chromium")
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"])
            .args(["--no-first-run", "--disable-background-networking", "--disable-sync"])
            .args(["--disable-component-update", "--disable-dev-shm-usage"])
            // The certificate of a test is signed by nobody a browser knows.
            .args(["--ignore-certificate-errors", "--enable-logging=stderr"])
            .arg(format!("--user-data-dir={}", folder.join("profile").display()))
            .arg(url)
            .env("HOME", folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        Self(child.unwrap())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Its children end with it.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_page_publishes_and_receives() {
    need(&["chromium"], &["chromium"]);
    let bundle = mqttjs().join("mqtt/dist/mqtt.min.js");
    let transports = Transports::start();
    let (page, told) = serve(bundle);
    for (transport, port) in transports.ports.into_iter().filter(|(name, _)| *name != "mqtts") {
        let topic = unique("page/");
        let mut outside = Client::at(Version::V5, transports.node.mqtt());
        outside.subscribe(&format!("{topic}/out"), 2);
        let message = Message::new(&format!("{topic}/in"), "from outside", 1);
        outside.publish_message(message.retain());
        let folder = tempfile::tempdir().unwrap();
        let url = format!("http://{page}/?topic={topic}&url={transport}://127.0.0.1:{port}/mqtt");
        let browser = Browser::open(folder.path(), &url);
        let said = told.recv_timeout(PATIENCE);
        let log = || fs::read_to_string(folder.path().join("log")).unwrap_or_default();
        assert_eq!(said.as_deref(), Ok("ok"), "over {transport}: {}", log());
        assert_eq!(outside.message().text(), "from outside");
        drop(browser);
    }
}
