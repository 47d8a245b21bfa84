//! `celeriac publisher`: tasks of other processes, over real sockets.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::celeriac::command;
use crate::durable::Directory;
use crate::service::{Service, stop};

/// The daemon, and where it listens.
struct Running {
    service: Service,
    http: SocketAddr,
    tcp: SocketAddr,
}

fn start(directory: &Directory, more: &[&str]) -> Running {
    let socket = format!("{}.sock", directory.path());
    let arguments = ["--broker", directory.path(), "publisher", "--http", "127.0.0.1:0"];
    let arguments = [&arguments[..], &["--tcp", "127.0.0.1:0", "--unix", &socket], more].concat();
    let mut child = command(&arguments).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let service = Service::from(child);
    let mut line = String::new();
    while !line.contains("started") {
        line.clear();
        assert_ne!(log.read_line(&mut line).unwrap(), 0, "it did not start");
    }
    let address = |name: &str| {
        let value = line.split_once(name).unwrap().1;
        let address: String = value
            .chars()
            .skip_while(|c| !c.is_ascii_digit())
            .take_while(|c| c.is_ascii_digit() || ".:".contains(*c))
            .collect();
        address.parse().unwrap()
    };
    let (http, tcp) = (address("http"), address("tcp"));
    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    Running { service, http, tcp }
}

/// What `curl` gets: the status, and the body.
fn curl(arguments: &[&str]) -> (u16, Value) {
    let output = Command::new("curl")
        .args(["-s", "--max-time", "30", "-w", "\n%{http_code}"])
        .args(arguments)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (body, status) = text.trim_end().rsplit_once('\n').unwrap();
    (status.parse().unwrap(), serde_json::from_str(body).unwrap())
}

/// Sends a frame, and reads the answer.
fn ask(stream: &mut (impl Read + Write), frame: &Value) -> Value {
    let text = frame.to_string();
    stream.write_all(&u32::try_from(text.len()).unwrap().to_be_bytes()).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    let mut length = [0; 4];
    stream.read_exact(&mut length).unwrap();
    let mut answer = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut answer).unwrap();
    serde_json::from_slice(&answer).unwrap()
}

#[test]
fn curl_sends_a_task_and_reads_its_result() {
    let directory = Directory::new();
    let daemon = start(&directory, &[]);
    let _worker = directory.worker();
    let url = format!("http://{}/tasks", daemon.http);
    let (status, sent) = curl(&["-d", r#"{"task": "add", "args": [2, 3]}"#, &url]);
    assert_eq!(status, 202, "{sent}");
    let id = sent["id"].as_str().unwrap();
    let (status, known) = curl(&[&format!("{url}/{id}?wait=20s")]);
    let expected = (Some("SUCCESS"), Some(5), Some(true));
    assert_eq!(status, 200);
    let found = (known["state"].as_str(), known["result"].as_i64(), known["has_ended"].as_bool());
    assert_eq!(found, expected, "{known}");

    let batch = r#"[{"task": "add", "kwargs": {"a": 1, "b": 1}}, {"task": "add", "args": ["x"]}]"#;
    let (status, sent) = curl(&["-d", batch, &format!("{url}/batch")]);
    assert_eq!((status, sent["ids"].as_array().unwrap().len()), (202, 2), "{sent}");
    let health = curl(&[&format!("http://{}/health", daemon.http)]);
    assert_eq!((health.0, health.1["status"].as_str()), (200, Some("healthy")));
    assert_eq!(stop(daemon.service, "-TERM").code(), Some(0));
}

#[test]
fn what_is_wrong_is_said_with_what_is_right() {
    let directory = Directory::new();
    let daemon = start(&directory, &[]);
    let at = |path: &str| format!("http://{}{path}", daemon.http);
    let large = format!("{{\"task\": \"t\", \"args\": [\"{}\"]}}", "x".repeat(2 << 20));
    std::fs::write(Path::new(directory.path()).join("large"), large).unwrap();
    let large = format!("@{}/large", directory.path());
    let cases: [(&[&str], u16, &str); 7] = [
        (&["-d", "{\"tsk\": 1}", &at("/tasks")], 400, "unknown field `tsk`"),
        (
            &["-d", "{\"task\": \"t\", \"options\": {\"countdown\": \"x\"}}", &at("/tasks")],
            400,
            "countdown: `x` is no duration",
        ),
        (&["-d", &large, &at("/tasks")], 413, "above the limit"),
        (&[&at("/tasks")], 405, "only POST"),
        (&[&at("/tasks/7")], 400, "`7` is no id"),
        (&[&at("/tasks/7?wit=1s")], 400, "unknown parameter `wit=1s`"),
        (&[&at("/nothing")], 404, "there are POST /tasks"),
    ];
    for (arguments, expected, told) in cases {
        let (status, body) = curl(arguments);
        let message = body["error"]["message"].as_str().unwrap();
        assert!(status == expected && message.contains(told), "{status} {message}");
    }
    assert_eq!(stop(daemon.service, "-TERM").code(), Some(0));
}

#[test]
fn frames_send_batches_over_tcp_and_unix_and_are_on_disk_when_they_are_answered() {
    let directory = Directory::new();
    let mut daemon = start(&directory, &[]);
    let mut tcp = TcpStream::connect(daemon.tcp).unwrap();
    let mut unix = UnixStream::connect(format!("{}.sock", directory.path())).unwrap();
    let batch = |queue: &str| {
        let one = json!({"task": "add", "args": [1, 1], "options": {"queue": queue}});
        json!({ "send": vec![one; 50] })
    };
    for _ in 0..4 {
        assert_eq!(ask(&mut tcp, &batch("t"))["ids"].as_array().unwrap().len(), 50);
        assert_eq!(ask(&mut unix, &batch("u"))["ids"].as_array().unwrap().len(), 50);
    }
    let wrong = ask(&mut tcp, &json!({ "sned": [] }));
    assert_eq!(wrong["error"]["kind"], "invalid", "{wrong}");
    assert_eq!(ask(&mut tcp, &json!({ "health": {} }))["health"]["status"], "healthy");
    daemon.service.kill().unwrap();
    daemon.service.wait().unwrap();
    let queues = directory.call(&["queues", "list"]).json();
    let ready = queues.as_array().unwrap().iter().map(|queue| queue["ready"].as_u64().unwrap());
    assert_eq!(Vec::from_iter(ready), [200, 200]);
}

#[test]
fn without_the_token_nothing_is_taken() {
    let directory = Directory::new();
    let file = format!("{}.token", directory.path());
    std::fs::write(&file, "hunter2\n").unwrap();
    let daemon = start(&directory, &["--token-file", &file]);
    let url = format!("http://{}/tasks", daemon.http);
    let task = r#"{"task": "add", "args": [2, 3]}"#;
    assert_eq!(curl(&["-d", task, &url]).0, 401);
    assert_eq!(curl(&["-H", "Authorization: Bearer hunter3", "-d", task, &url]).0, 401);
    assert_eq!(curl(&["-H", "Authorization: Bearer hunter2", "-d", task, &url]).0, 202);
    let mut tcp = TcpStream::connect(daemon.tcp).unwrap();
    assert_eq!(ask(&mut tcp, &json!({ "send": [] }))["error"]["kind"], "denied");
    let mut tcp = TcpStream::connect(daemon.tcp).unwrap();
    assert_eq!(ask(&mut tcp, &json!({ "token": "hunter2" })), json!({ "trusted": true }));
    assert_eq!(ask(&mut tcp, &json!({ "send": [] })), json!({ "ids": [] }));

    let arguments = ["--broker", directory.path(), "publisher", "--http", "0.0.0.0:0"];
    let refused = crate::celeriac::celeriac(&arguments);
    assert_eq!(refused.exit, 2, "{refused:?}");
    assert!(refused.stderr.contains("give a token"), "{refused:?}");
    let _ = std::fs::remove_file(file);
}

/// Senders that go on while the daemon is stopped: whoever has an id has a
/// message in its queue.
#[test]
fn a_graceful_stop_loses_nothing() {
    let directory = Directory::new();
    let daemon = start(&directory, &[]);
    let tcp = daemon.tcp;
    let senders: Vec<_> =
        (0..4).map(|_| std::thread::spawn(move || send_until_closed(tcp))).collect();
    // In the middle of it: each has sent something.
    let mut tcp = TcpStream::connect(tcp).unwrap();
    for _ in 0..20 {
        ask(&mut tcp, &json!({ "send": [] }));
    }
    assert_eq!(stop(daemon.service, "-TERM").code(), Some(0));
    let told: u64 = senders.into_iter().map(|sender| sender.join().unwrap()).sum();
    let queues = directory.call(&["queues", "list"]).json();
    assert_eq!(queues[0]["ready"].as_u64(), (told > 0).then_some(told));
}

/// Sends tasks one by one until nobody answers; how many were.
fn send_until_closed(address: SocketAddr) -> u64 {
    let mut stream = TcpStream::connect(address).unwrap();
    let text = json!({ "send": [{ "task": "add", "args": [1, 1] }] }).to_string();
    let mut frame = u32::try_from(text.len()).unwrap().to_be_bytes().to_vec();
    frame.extend(text.as_bytes());
    let mut answered = 0;
    loop {
        let mut length = [0; 4];
        if stream.write_all(&frame).is_err() || stream.read_exact(&mut length).is_err() {
            return answered;
        }
        let mut answer = vec![0; u32::from_be_bytes(length) as usize];
        stream.read_exact(&mut answer).unwrap();
        assert!(serde_json::from_slice::<Value>(&answer).unwrap()["ids"].is_array());
        answered += 1;
    }
}
