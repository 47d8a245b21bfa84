use jumpstarter::{Reply, Transition, actor};

struct Watched;

#[actor]
impl Watched {
    #[condition(stop)]
    fn unstoppable(&self) -> bool {
        true
    }

    #[condition(pause)]
    fn no_answer(&self) {}

    #[on_enter]
    fn nowhere(&self) {}

    #[before(pause)]
    fn wants_more(&self, _more: u32) {}

    #[after(pause)]
    fn wants_reply(&self, _reply: Reply<u32>) {}

    #[task]
    fn not_a_hook(&mut self, _e: &Transition<'_>) {}
}

fn main() {}
