use jumpstarter::{Options, System, actor};

struct Counter;
struct Add;
struct Other;

#[actor]
impl Counter {
    #[handler]
    fn add(&mut self, _m: Add) {}

    #[resource]
    fn number(&self) -> u64 {
        7
    }

    #[task]
    fn count(&mut self) -> u64 {
        7
    }
}

async fn wrong() {
    let system = System::new("test");
    let counter = system.spawn("counter", Options::default(), || Counter);
    let _ = counter.tell(Other).await;
}

fn main() {}
