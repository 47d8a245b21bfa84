//! The webhook: it answers after the publish, and refuses what it must.

use std::net::SocketAddr;
use std::thread::{self, JoinHandle};

use celeriac_connect::sources::Webhook;
use celeriac_core::{ErrorKind, MessageId, Source};
use celeriac_testkit::probe::{poll_once, within};

use crate::server::send;

fn post(address: SocketAddr, head: &str, body: &str) -> JoinHandle<u16> {
    let (head, body) = (format!("POST /in HTTP/1.1{head}"), body.to_owned());
    thread::spawn(move || send(address, &head, &body))
}

/// Sees to the connections until a request is answered.
async fn status(webhook: &mut Webhook, request: JoinHandle<u16>) -> u16 {
    let answered = async {
        while !request.is_finished() {
            let _ = poll_once(&mut webhook.poll(None, 9));
            tokio::task::yield_now().await;
        }
    };
    within("an answer", answered).await;
    request.join().unwrap()
}

#[tokio::test]
async fn whoever_sends_is_answered_once_it_is_published() {
    let mut webhook = Webhook::bind("127.0.0.1:0").unwrap();
    let address = webhook.local_addr().unwrap();
    let id = MessageId::new();
    let head =
        format!("\r\nidempotency-key: {id}\r\ncontent-type: application/json; charset=utf-8");
    let request = post(address, &head, "{}");
    let polled = within("a document", webhook.poll(None, 9)).await.unwrap();
    let document = &polled.documents[0];
    assert_eq!((document.id, document.content_type.as_str()), (id, "application/json"));
    assert_eq!((&document.body[..], document.headers["path"].as_str()), (&b"{}"[..], Some("/in")));
    assert!(!request.is_finished(), "it is not published");
    webhook.confirm().await;
    assert_eq!(status(&mut webhook, request).await, 202);
}

#[tokio::test]
async fn what_was_not_published_is_sent_again_under_the_same_id() {
    let mut webhook = Webhook::bind("127.0.0.1:0").unwrap();
    let address = webhook.local_addr().unwrap();
    let head = "\r\nidempotency-key: order 7";
    let first = post(address, head, "x");
    let rejected = within("a document", webhook.poll(None, 9)).await.unwrap();
    webhook.reject().await;
    assert_eq!(first.join().unwrap(), 503, "told without another poll");
    let second = post(address, head, "x");
    let polled = within("a document", webhook.poll(None, 9)).await.unwrap();
    assert_eq!(polled.documents, rejected.documents);
    webhook.confirm().await;
    assert_eq!(status(&mut webhook, second).await, 202);
}

#[tokio::test]
async fn what_it_must_not_take_is_refused() {
    let webhook = Webhook::bind("127.0.0.1:0").unwrap().max_body_bytes(3).token("secret");
    let mut webhook = webhook.clone();
    let address = webhook.local_addr().unwrap();
    let known = "\r\nauthorization: Bearer secret";
    for (head, body, expected) in [
        ("POST /in HTTP/1.1".to_owned(), "x", 401),
        ("POST /in HTTP/1.1\r\nauthorization: Bearer secreT".to_owned(), "x", 401),
        (format!("GET /in HTTP/1.1{known}"), "", 405),
        (format!("POST /in HTTP/1.1{known}"), "four", 413),
    ] {
        let request = thread::spawn(move || send(address, &head, body));
        assert_eq!(status(&mut webhook, request).await, expected);
    }
    let request = post(address, known, "x");
    let polled = within("a document", webhook.poll(None, 9)).await.unwrap();
    assert_eq!(polled.documents.len(), 1, "and nothing of what was refused");
    webhook.confirm().await;
    assert_eq!(status(&mut webhook, request).await, 202);
    assert_eq!(Webhook::bind(address).unwrap_err().kind(), ErrorKind::Busy);
}
