//! The node's inbox: what it answers.

use std::time::Duration;

use celeriac_core::store::Registry;
use celeriac_core::{Message, MessageId, Name, QueueName, Timestamp};
use celeriac_router::{Answer, Question, inbox_of};
use celeriac_testkit::probe::eventually;
use serde_json::Value;

use crate::fixture::{NODE, World, publish, take};
use crate::platform::{Platform, TASK, success};

async fn ask(world: &World, question: Question) -> Value {
    let reply_to = QueueName::from(format!("~reply.{}", MessageId::new()));
    let question = question.into_message(inbox_of(NODE), reply_to.clone());
    let id = question.id;
    publish(&world.memory, vec![question]).await;
    let (_consumer, answers) = take(&world.memory, &reply_to).await;
    let message = answers[0].payload.as_ref().unwrap();
    assert_eq!(message.rare().correlation_id, Some(id));
    let Answer { node, answer } = serde_json::from_slice(&message.body).unwrap();
    assert_eq!(node, NODE);
    answer
}

#[tokio::test]
async fn it_answers_every_question() {
    let world = World::start(Platform::holding()).await;
    let id = world.publish(1).await[0];
    world.platform.dispatches(1).await;

    assert_eq!(ask(&world, Question::Ping).await, "pong");
    let active = ask(&world, Question::Active).await;
    assert_eq!(active[0]["id"], id.to_string());
    assert_eq!(active[0]["task"], TASK.as_str());
    assert_eq!(active[0]["attempt"], 1);
    let registered = ask(&world, Question::Registered).await;
    assert_eq!(registered[0]["name"], TASK.as_str());
    let actors = ask(&world, Question::Actors).await;
    let actors: Vec<_> = actors.as_array().unwrap().iter().map(|actor| &actor["path"]).collect();
    for expected in
        ["committer", "settler", "router", "intake", "timers", "revocations", "inbox", "presence"]
    {
        let is_there = |path: &&&Value| path.as_str().is_some_and(|path| path.ends_with(expected));
        assert!(actors.iter().any(|path| is_there(&path)), "{expected}: {actors:?}");
    }

    let drawing = ask(&world, Question::Drawing).await;
    let drawing = drawing.as_str().unwrap();
    assert!(drawing.starts_with("flowchart") && drawing.contains("committer"), "{drawing}");

    world.platform.finish_all(&success());
    world.ends(&[id]).await;
    let stats = ask(&world, Question::Stats).await;
    assert_eq!(stats["tasks"]["received"], 1);
    assert_eq!(stats["tasks"]["succeeded"], 1);
    assert_eq!(stats["platform"]["running"], 0);
    assert_eq!(ask(&world, Question::Active).await, Value::Array(Vec::new()));
}

#[tokio::test]
async fn what_is_no_question_is_answered_with_an_error_or_not_at_all() {
    let world = World::start(Platform::holding()).await;
    let mut nonsense = Message::command(Name::from_static("?"), "nonsense");
    nonsense.queue = inbox_of(NODE);
    let mute = nonsense.clone();
    nonsense.rare_mut().reply_to = Some(QueueName::from("~reply"));
    publish(&world.memory, vec![mute, nonsense]).await;
    let (_consumer, answers) = take(&world.memory, &QueueName::from("~reply")).await;
    assert_eq!(answers.len(), 1);
    let body = &answers[0].payload.as_ref().unwrap().body;
    let Answer { answer, .. } = serde_json::from_slice(body).unwrap();
    assert!(answer["error"].is_string(), "{answer}");
    assert_eq!(ask(&world, Question::Ping).await, "pong", "it goes on");
}

#[tokio::test]
async fn it_is_announced_while_it_lives() {
    let world = World::start(Platform::holding()).await;
    let nodes = world.memory.nodes(Timestamp::now()).await.unwrap();
    assert_eq!((nodes[0].name.as_str(), &nodes[0].inbox), (NODE, &inbox_of(NODE)));
    assert_eq!(nodes[0].pid, std::process::id());
    world.service.stop(Duration::ZERO).await;
    let gone = || async { world.memory.nodes(Timestamp::now()).await.unwrap().is_empty() };
    eventually("that it is withdrawn", gone).await;
}
