//! The app without async code.

use std::time::Duration;

use celeriac::BlockingError;

use crate::fixture::app;

#[celeriac::task]
fn double(n: u32) -> u32 {
    n * 2
}

#[test]
fn it_works_from_a_plain_thread() {
    let app = app().register(double).blocking().unwrap();
    let worker = app.start_worker().unwrap();
    let sent = app.send(double::s(21)).unwrap();
    assert_eq!(app.get(&sent).unwrap(), 42);
    let many = app.send_many((0..5).map(double::s)).unwrap();
    for (n, result) in (0..5).zip(&many) {
        assert_eq!(app.get_timeout(result, Duration::from_secs(30)).unwrap(), n * 2);
    }
    assert!(app.block_on(app.app().queues()).is_ok());
    app.stop(&worker);
}

#[tokio::test]
async fn in_async_code_it_says_what_to_use_instead() {
    let error = app().blocking().unwrap_err();
    assert!(matches!(error, BlockingError::InAsyncContext));
    assert!(error.to_string().contains("use the async methods"));
}
