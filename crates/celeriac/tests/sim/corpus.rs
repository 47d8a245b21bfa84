//! Seeds that found something wrong in Celeriac once: it stays mended.

#[test]
fn nothing_comes_back() {}
