//! Mistakes under `#[celeriac::task]` and `#[celeriac::event]` are compile
//! errors at the right place, which say what to do.

#[test]
fn mistakes_are_reported_where_they_are() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
}
