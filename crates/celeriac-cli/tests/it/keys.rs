//! `key`, and that a worker answers only who is trusted.

use crate::celeriac::{Called, celeriac};
use crate::durable::Directory;
use crate::service::stop;

/// `celeriac` with the directory's broker and another folder of keys.
fn stranger(directory: &Directory, keys: &str, arguments: &[&str]) -> Called {
    let mut command = crate::celeriac::command(&["--broker", directory.path(), "--json"]);
    command.args(arguments).env("CELERIAC_SECURITY__FOLDER", keys);
    Called::from(command.output().unwrap())
}

#[test]
fn a_worker_answers_who_is_trusted_and_nobody_else() {
    let directory = Directory::new();
    let (worker, nothing_runs) = (directory.worker(), serde_json::json!([]));
    let asked = directory.call(&["inspect", "active"]).json();
    assert_eq!(asked[0]["answer"], nothing_runs, "who uses the same keys: {asked}");

    let elsewhere = tempfile::tempdir().unwrap();
    let keys = elsewhere.path().to_str().unwrap();
    let asked = stranger(&directory, keys, &["inspect", "active"]).json();
    assert_eq!(asked[0]["answer"], serde_json::Value::Null, "a stranger: {asked}");

    // Both must trust each other: the question is signed, and so is the answer.
    let listed = stranger(&directory, keys, &["key", "list"]).json();
    let key = listed["keys"][0]["key"].as_str().unwrap();
    assert_eq!(directory.call(&["key", "trust", "friend", key]).exit, 0);
    let listed = directory.call(&["key", "list"]).json();
    let key = listed["keys"][0]["key"].as_str().unwrap();
    assert_eq!(stranger(&directory, keys, &["key", "trust", "shop", key]).exit, 0);
    let asked = stranger(&directory, keys, &["inspect", "active"]).json();
    assert_eq!(asked[0]["answer"], nothing_runs, "a friend, without a restart: {asked}");
    assert_eq!(stop(worker, "-TERM").code(), Some(0));
}

#[test]
fn keys_are_made_trusted_replaced_and_forgotten() {
    let directory = Directory::new();
    let made = directory.call(&["key", "new", "--name", "shop"]).json();
    assert_eq!(made["name"], "shop");
    let again = directory.read(&["key", "new"]);
    assert_eq!(again.exit, 2, "{again:?}");
    assert!(again.stderr.contains("key rotate"), "{again:?}");

    let rotated = directory.call(&["key", "rotate", "--grace", "1h"]).json();
    assert_ne!(rotated["key"], made["key"]);
    let keys = directory.call(&["key", "list"]).json()["keys"].clone();
    assert_eq!(keys[0]["key"], rotated["key"]);
    assert_eq!(keys[1]["key"], made["key"]);
    assert!(keys[1]["until"].is_u64(), "{keys}");
    let text = directory.read(&["key", "list"]).stdout;
    assert!(text.contains("itself") && text.contains("until 20"), "{text}");

    assert_eq!(directory.call(&["key", "distrust", "shop"]).json()["count"], 1);
    assert_eq!(directory.call(&["key", "distrust", "shop"]).exit, 3);
    let wrong = directory.read(&["key", "trust", "x", "ssh-ed25519 AAAA"]);
    assert_eq!(wrong.exit, 2);
    assert!(wrong.stderr.contains("no public key"), "{wrong:?}");
    let nowhere = celeriac(&["--broker", "memory://", "key", "list"]);
    assert_eq!(nowhere.exit, 2);
}

#[test]
fn bodies_of_an_encrypted_queue_are_not_on_disk() {
    let directory = Directory::new();
    let words = "[\"an unmistakable secret\", 1]";
    assert_eq!(directory.call(&["key", "encrypt", "private"]).json()["count"], 1);
    let sent = directory.call(&["send", "add", "--args", words, "--queue", "private"]);
    assert_eq!(sent.exit, 0, "{sent:?}");
    let is_on_disk = |words: &str| {
        let files = std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap());
        let files = files.filter(|entry| entry.file_type().unwrap().is_file());
        let mut files = files.map(|entry| std::fs::read(entry.path()).unwrap());
        files.any(|bytes| bytes.windows(words.len()).any(|window| window == words.as_bytes()))
    };
    assert!(!is_on_disk("unmistakable"), "the body is encrypted");
    assert!(is_on_disk("private"), "the queue's name is not");
}

#[test]
fn certificates_for_development() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let made = celeriac(&["--json", "key", "tls", path, "localhost"]).json();
    assert!(std::path::Path::new(made["ca"].as_str().unwrap()).exists(), "{made}");
}
