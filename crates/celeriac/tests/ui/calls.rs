//! Calls that do not fit the task.

#[celeriac::task]
async fn add(a: i64, b: i64) -> i64 {
    a + b
}

fn main() {
    let _ = add::s("one", 2);
    let _ = add::s(1);
    let _ = add::s(1, 2, 3);
}
