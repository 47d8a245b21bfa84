//! Parameters that a message can't carry, or a worker can't give.

#[celeriac::task]
async fn borrowed_text(name: &str) {}

#[celeriac::task]
async fn borrowed_list(names: &[String]) {}

#[celeriac::task]
async fn borrowed_within(name: std::borrow::Cow<'_, str>) {}

#[celeriac::task]
async fn no_type(name: impl ToString) {}

#[celeriac::task]
async fn no_name((left, right): (u8, u8)) {}

#[celeriac::task]
async fn context_by_value(ctx: TaskContext) {}

#[celeriac::task]
async fn context_to_change(ctx: &mut TaskContext) {}

#[celeriac::task]
async fn state_by_reference(state: &State<u8>) {}

struct Service;

impl Service {
    #[celeriac::task]
    async fn method(&self) {}
}

fn main() {}
