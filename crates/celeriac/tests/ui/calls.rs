//! A call with the wrong arguments does not compile.

use celeriac::App;

#[celeriac::task]
async fn add(a: i64, b: i64) -> i64 {
    a + b
}

fn main() {
    let _ = add::s("two", 3);
    let _ = add::s(2);
}

async fn the_result_has_a_type(app: App) -> Option<String> {
    let sent = app.send(add::s(2, 3)).await.ok()?;
    sent.get().await.ok()
}
