//! Messages on their way: forwarded, scheduled, to actors of a type that the
//! sender does not know, to mailboxes without a bound.

use std::time::Duration;

use jumpstarter::{
    Address, AskError, Context, DeadLetterReason, Event, Options, RecipientOf, Reply, System, actor,
};
use tokio::time::Instant;

/// Works out squares; a question beyond its limit goes to the next one.
struct Desk {
    limit: u64,
    next: Option<Address<Desk>>,
}

struct Square(u64);
struct Remind(Duration);
struct Reminded;
struct Elapsed;

#[actor]
impl Desk {
    #[handler]
    async fn square(&mut self, m: Square, reply: Reply<u64>) {
        match &self.next {
            Some(next) if m.0 > self.limit => drop(next.forward(m, reply).await),
            _ => reply.send(m.0 * m.0),
        }
    }
}

#[tokio::test]
async fn a_forwarded_question_is_answered_by_the_last_one() {
    let system = System::new("test");
    let back = system.spawn("back", Options::default(), || Desk { limit: 100, next: None });
    let next = back.clone();
    let front = system
        .spawn("front", Options::default(), move || Desk { limit: 10, next: Some(next.clone()) });
    assert_eq!(front.ask(Square(3)).await, Ok(9));
    assert_eq!(front.ask(Square(11)).await, Ok(121));
    assert_eq!(back.snapshot().processed, 1);
    back.stop().await;
    assert_eq!(front.ask(Square(12)).await, Err(AskError::NoReply));
    assert_eq!(system.dead_letters(), 1);
}

struct Clock {
    since: Instant,
    reminded: Option<Duration>,
}

#[actor]
impl Clock {
    #[handler]
    fn remind(&mut self, m: Remind, ctx: &Context<Self>) {
        ctx.schedule(m.0, Reminded);
    }

    #[handler]
    fn reminded(&mut self, _m: Reminded) {
        self.reminded = Some(self.since.elapsed());
    }

    #[handler]
    fn elapsed(&mut self, _m: Elapsed) -> Option<Duration> {
        self.reminded
    }
}

#[tokio::test(start_paused = true)]
async fn a_scheduled_message_comes_at_its_time_unless_the_actor_stops() {
    let system = System::new("test");
    let make = || Clock { since: Instant::now(), reminded: None };
    let clock = system.spawn("clock", Options::default(), make);
    clock.ask(Remind(Duration::from_secs(60))).await.unwrap();
    tokio::time::sleep(Duration::from_secs(59)).await;
    assert_eq!(clock.ask(Elapsed).await, Ok(None));
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(clock.ask(Elapsed).await, Ok(Some(Duration::from_secs(60))));
    clock.ask(Remind(Duration::from_secs(60))).await.unwrap();
    clock.stop().await;
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(system.dead_letters(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_recipient_can_be_asked_without_knowing_its_actor() {
    let system = System::new("test");
    let desk = system.spawn("desk", Options::default(), || Desk { limit: 10, next: None });
    let recipient: RecipientOf<Square, u64> = desk.recipient_of();
    assert_eq!(recipient.path(), "desk");
    assert_eq!(recipient.ask(Square(5)).await, Ok(25));
    recipient.recipient().tell(Square(6)).await.unwrap();
    desk.pause().await.unwrap();
    let limit = Duration::from_secs(2);
    assert_eq!(recipient.ask_timeout(Square(7), limit).await, Err(AskError::Timeout(limit)));
    desk.stop().await;
    assert_eq!(recipient.clone().ask(Square(8)).await, Err(AskError::Closed));
}

#[tokio::test]
async fn an_unbounded_mailbox_takes_what_comes() {
    let system = System::new("test");
    let desk =
        system.spawn("desk", Options::default().unbounded(), || Desk { limit: 10, next: None });
    desk.started().await.unwrap();
    desk.pause().await.unwrap();
    for n in 0..10_000 {
        desk.try_tell(Square(n)).unwrap();
    }
    let snapshot = desk.snapshot();
    assert_eq!((snapshot.mailbox_depth, snapshot.mailbox_capacity), (10_000, None));
}

#[tokio::test]
async fn dead_letters_are_a_stream_with_their_reasons() {
    let system = System::new("test");
    let mut events = system.events();
    let desk = system.spawn("desk", Options::default(), || Desk { limit: 10, next: None });
    desk.started().await.unwrap();
    desk.pause().await.unwrap();
    desk.try_tell(Square(1)).unwrap();
    desk.stop().await;
    assert!(desk.try_tell(Square(2)).is_err());
    let mut reasons = Vec::new();
    while let Some(event) = events.try_next() {
        if let Event::DeadLetter { path, message, reason } = event {
            assert_eq!((path.as_str(), message), ("desk", std::any::type_name::<Square>()));
            reasons.push(reason);
        }
    }
    assert_eq!(reasons, [DeadLetterReason::LeftOver, DeadLetterReason::Closed]);
}
