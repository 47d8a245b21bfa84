//! Questions, and the many ways in which their answers come or do not.

use futures_util::FutureExt;
use shuttle::future::block_on;

use super::{Dropped, Notes, explore, on_thread};
use crate::{AskError, Context, Exit, Options, Reply, System, actor};

/// Answers at once, from a future of its own, or never.
struct Oracle {
    answers: Notes<()>,
}

struct Ask;
struct AskLater;
struct AskInVain;

impl Oracle {
    fn answer(&self) -> Dropped {
        Dropped(self.answers.clone())
    }
}

#[actor]
impl Oracle {
    #[handler]
    fn now(&mut self, _m: Ask) -> Dropped {
        self.answer()
    }

    #[handler]
    fn later(&mut self, _m: AskLater, reply: Reply<Dropped>, ctx: &Context<Self>) {
        let answer = self.answer();
        ctx.spawn(async move { reply.send(answer) });
    }

    #[handler]
    fn in_vain(&mut self, _m: AskInVain, reply: Reply<Dropped>, ctx: &Context<Self>) {
        ctx.spawn(async move { drop(reply) });
    }
}

fn oracle() -> (System, crate::Address<Oracle>, Notes<()>) {
    let system = System::new("test");
    let answers = Notes::default();
    let noted = answers.clone();
    let make = move || Oracle { answers: noted.clone() };
    let oracle = system.spawn("oracle", Options::default(), make);
    (system, oracle, answers)
}

#[test]
fn every_answer_comes_once() {
    explore(|| {
        let (_system, oracle, answers) = oracle();
        let asking = oracle.clone();
        let asker = on_thread(async move {
            assert!(asking.ask(Ask).await.is_ok());
            assert!(asking.ask(AskLater).await.is_ok());
        });
        assert!(block_on(oracle.ask(AskLater)).is_ok());
        asker.join().unwrap();
        assert_eq!(answers.all().len(), 3);
        block_on(oracle.stop());
    });
}

#[test]
fn a_dropped_reply_is_heard_of() {
    explore(|| {
        let (_system, oracle, _answers) = oracle();
        let asking = oracle.clone();
        let asker = on_thread(async move { asking.ask(AskInVain).await.err() });
        assert_eq!(asker.join().unwrap(), Some(AskError::NoReply));
        block_on(oracle.stop());
    });
}

#[test]
fn an_answer_that_nobody_waits_for_is_dropped() {
    explore(|| {
        let (_system, oracle, answers) = oracle();
        let asking = oracle.clone();
        let asker = on_thread(async move {
            // Asked and left alone, while the answer is on its way.
            let mut asked = Box::pin(asking.ask(AskLater));
            let answered = asked.as_mut().now_or_never();
            tokio::task::yield_now().await;
            drop((answered, asked));
        });
        asker.join().unwrap();
        // Worked off before it stops; what it spawned has ended then.
        block_on(oracle.stop());
        assert_eq!(answers.all().len(), 1);
    });
}

#[test]
fn an_ask_ends_however_the_actor_does() {
    explore(|| {
        let (_system, oracle, answers) = oracle();
        let asking = oracle.clone();
        let asker = on_thread(async move { asking.ask(Ask).await.map(drop) });
        let killing = oracle.clone();
        let killer = on_thread(async move { killing.kill().await });
        let outcome = asker.join().unwrap();
        assert!(matches!(killer.join().unwrap(), Exit::Killed));
        match outcome {
            Ok(()) => assert_eq!(answers.all().len(), 1),
            Err(error) => assert!(matches!(error, AskError::Closed | AskError::NoReply)),
        }
    });
}
