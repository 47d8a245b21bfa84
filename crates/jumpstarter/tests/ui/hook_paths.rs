use jumpstarter::actor;

struct Watched;

#[actor]
impl Watched {
    #[on_enter(started.running.degradet)]
    fn enter(&self) {}

    #[condition(pause)]
    fn not_bool(&self) -> u32 {
        7
    }
}

fn main() {}
