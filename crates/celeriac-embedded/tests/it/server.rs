//! The owner's socket: it can do without, and gets it back.

use std::path::Path;
use std::sync::Arc;

use celeriac_core::broker::Limit;
use celeriac_core::{Broker, Message, Name};
use celeriac_embedded::{Durable, Options};
use celeriac_testkit::probe::within;
use jumpstarter::{Event, Events, State, System};

const SERVER: &str = "embedded-server";

async fn open(directory: &Path, system: &System) -> Arc<Durable> {
    Durable::open(directory, Options::default(), system).await.unwrap()
}

async fn publish(broker: &Durable) {
    let message: Arc<Message> = Message::command(Name::from_static("t"), "x").into();
    broker.publish(&[message], Limit::Respect).await.unwrap();
}

async fn becomes(events: &mut Events, wanted: State) {
    let reached = async {
        while let Some(event) = events.next().await {
            if matches!(event, Event::StateChanged { path, to, .. } if path == SERVER && to == wanted)
            {
                return;
            }
        }
    };
    within("the server's state", reached).await;
}

#[tokio::test]
async fn without_a_socket_the_owner_works_and_tries_again_until_it_has_one() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("celeriac.sock");
    std::fs::create_dir(&socket).unwrap();
    let system = System::new("owner");
    let mut events = system.events();
    let owner = open(directory.path(), &system).await;
    becomes(&mut events, State::Degraded).await;
    publish(&owner).await;
    std::fs::remove_dir(&socket).unwrap();
    becomes(&mut events, State::Healthy).await;
    let other = open(directory.path(), &System::new("other")).await;
    assert!(owner.is_owner() && !other.is_owner());
    publish(&other).await;
    assert_eq!(other.queues().await.unwrap()[0].ready, 2);
}

#[tokio::test]
async fn a_socket_whose_server_crashed_is_there_again() {
    let directory = tempfile::tempdir().unwrap();
    let system = System::new("owner");
    let mut events = system.events();
    let owner = open(directory.path(), &system).await;
    becomes(&mut events, State::Healthy).await;
    let other = open(directory.path(), &System::new("other")).await;
    for crashes in 1..=3 {
        assert!(system.crash(SERVER));
        becomes(&mut events, State::Crashed).await;
        becomes(&mut events, State::Healthy).await;
        // The lost connection is noticed here, or was before: then there is a new one.
        while other.queues().await.is_err() {}
        publish(&other).await;
        assert_eq!(owner.queues().await.unwrap()[0].ready, crashes);
    }
}
