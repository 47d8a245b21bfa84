use jumpstarter::actor;

struct Watched;

#[actor]
impl Watched {
    #[before(paus)]
    fn before(&self) {}
}

fn main() {}
