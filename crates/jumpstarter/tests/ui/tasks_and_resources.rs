use jumpstarter::{Flow, actor};

struct Pump;

#[actor]
impl Pump {
    #[task(every = "5 years")]
    fn seldom(&mut self) -> Flow {
        Flow::Continue
    }

    #[task(every = "0s")]
    fn always(&mut self) -> Flow {
        Flow::Continue
    }

    #[task(concurrent)]
    async fn on_the_actor(&mut self) -> Flow {
        Flow::Continue
    }

    #[resource]
    fn nothing(&self) {}

    #[release(file)]
    fn close(&mut self, _file: u64) {}

    #[started]
    fn first(&mut self) {}

    #[started]
    fn second(&mut self) {}

    #[after_batch]
    fn with_message(&mut self, _m: u64) {}
}

fn main() {}
