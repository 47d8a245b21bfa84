//! The names of the queues, while the stream that has them is not to be had.

use celeriac_core::Broker as _;
use celeriac_core::broker::{Limit, Subscription};
use celeriac_testkit::probe::{eventually, within};
use celeriac_testkit::sample;
use lapin::options::{QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties};

use crate::harness::{Place, server};

#[tokio::test(flavor = "multi_thread")]
async fn work_goes_on_without_them_and_they_are_told_later() {
    let place = Place::new();
    // A queue in the stream's place: as a stream that was lost, it can't be followed.
    let connection = Connection::connect(&server(), ConnectionProperties::default()).await;
    let channel = connection.unwrap().create_channel().await.unwrap();
    let stream = format!("{}:names", place.prefix);
    let (plain, none) = (QueueDeclareOptions::default(), FieldTable::default());
    channel.queue_declare(stream.as_str().into(), plain, none).await.unwrap();

    let (amqp, _system) = place.open().await;
    within("a batch", amqp.publish(&sample::batch("q", 0..2), Limit::Respect)).await.unwrap();
    let subscription = Subscription { queues: vec!["q".into()], consumer: "names".to_owned() };
    let mut consumer = amqp.consume(subscription).await.unwrap();
    let held = within("the messages", consumer.pull(1)).await.unwrap();
    assert_eq!(held.len(), 1);
    let refused = amqp.queues().await.unwrap_err().to_string();
    assert!(refused.contains(&stream) && refused.contains("delete it"), "{refused}");

    channel.queue_delete(stream.as_str().into(), QueueDeleteOptions::default()).await.unwrap();
    let (other, _its_system) = place.open().await;
    eventually("another process to see the queue", async || {
        let queues = other.queues().await.unwrap();
        queues.iter().any(|queue| queue.name.as_str() == "q")
    })
    .await;
}
