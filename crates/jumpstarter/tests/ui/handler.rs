use jumpstarter::{Reply, actor};

struct Counter;
struct Add;
struct Get;

#[actor]
impl Counter {
    #[handler]
    fn nothing(&mut self) {}

    #[handler]
    fn two(&mut self, _first: Add, _second: Get) {}

    #[handler]
    fn no_self(_m: Add) {}

    #[handler]
    fn add(&mut self, _m: Add) {}

    #[handler]
    fn add_again(&mut self, _m: Add) {}

    #[handler]
    fn both(&mut self, _m: Get, _reply: Reply<u64>) -> u64 {
        7
    }

    #[handler(crash)]
    fn unknown(&mut self, _m: Get) {}

    #[handler]
    #[started]
    fn two_roles(&mut self, _m: Get) {}

    #[handler]
    fn own_generics<T>(&mut self, _m: T) {}
}

fn main() {}
