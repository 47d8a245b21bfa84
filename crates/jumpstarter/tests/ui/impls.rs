use jumpstarter::actor;

struct Borrowing<'a>(&'a str);
struct Plain;

#[actor]
impl<'a> Borrowing<'a> {}

#[actor]
impl Clone for Plain {
    fn clone(&self) -> Self {
        Plain
    }
}

#[actor(fast)]
impl Plain {}

fn main() {}
