use jumpstarter::actor;

struct Pump;

#[actor]
impl Pump {
    #[task(every = "5s", missed = "sometimes")]
    fn one(&mut self) {}

    #[task(missed = "skip")]
    fn two(&mut self) {}

    #[task(every = "5s", kind = jumpstarter::Continuous)]
    fn three(&mut self) {}

    #[task(blocking)]
    async fn four(&mut self) {}

    #[task(blocking, concurrent)]
    fn five() {}
}

fn main() {}
