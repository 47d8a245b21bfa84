//! Compiling: sizes, limits, errors.

use celeriac_core::wire;
use celeriac_core::workflow::{
    Canvas, Condition, Each, Items, JsonPath, MAX_DEPTH, Page, Policy, Shape, Signature, Stage,
    StepId,
};
use celeriac_engine::canvas::{CompileError, compile};

fn task() -> Canvas {
    Signature::new("t").argument(1).into()
}

fn bytes(canvas: &Canvas) -> (usize, usize) {
    let pages = compile(canvas).unwrap();
    let nodes = pages.iter().map(|page| page.nodes.len()).sum();
    (nodes, pages.iter().map(|page| wire::encode_page(page).len()).sum())
}

#[test]
fn size_is_linear() {
    let group = |width| bytes(&Canvas::group(vec![task(); width]));
    let ((few, small), (many, large)) = (group(1000), group(100_000));
    assert_eq!((few, many), (1001, 100_001));
    assert!(large < small * 130, "{small} {large}");

    let chain = |length| bytes(&Canvas::chain(vec![task(); length]));
    let ((few, small), (many, large)) = (chain(100), chain(10_000));
    assert_eq!((few, many), (101, 10_001));
    assert!(large < small * 130, "{small} {large}");

    // Six chords of ten, nested: what once took Celery 1.4 GB.
    let chord = |body| {
        let (members, policy) = (vec![task(); 10], Policy::WaitAll);
        Canvas::from(Shape::Chord { members, policy, body: Box::new(body) })
    };
    let nested = (0..6).fold(task(), |body, _| chord(body));
    assert!(bytes(&nested).1 < 10_000);
}

#[test]
fn pages_are_small_and_hold_every_step() {
    let large = Signature::new("t").argument("x".repeat(30_000));
    for (canvas, nodes) in
        [(Canvas::group(vec![task(); 1000]), 1001), (Canvas::chain(vec![large.into(); 10]), 11)]
    {
        let pages = compile(&canvas).unwrap();
        let mut next = StepId(0);
        for page in &pages {
            assert_eq!(page.first, next);
            assert!(page.nodes.len() <= Page::MAX_NODES);
            assert!(wire::encode_page(page).len() <= Page::FULL_BYTES);
            next = page.end();
        }
        assert_eq!(next, StepId(nodes));
    }
}

#[test]
fn nesting_has_a_limit() {
    let nested = |depth| (1..depth).fold(task(), |inner, _| Canvas::group(vec![inner]));
    assert!(compile(&nested(MAX_DEPTH)).is_ok());
    let error = compile(&nested(MAX_DEPTH + 1)).unwrap_err();
    assert!(matches!(&error, CompileError::TooDeep { place } if place.starts_with("group[0]/")));
}

#[test]
fn what_cannot_be_is_named_with_its_place() {
    let until = Condition::Exists(JsonPath::WHOLE);
    let endless = Shape::Loop { body: Box::new(task()), until, max: 0 }.into();
    let items = Items::Given(vec![1.into()]);
    let (signature, policy) = (Signature::new("t"), Policy::WaitAll);
    let star = Shape::Map { signature, items, each: Each::Star, policy }.into();
    let branches = vec![("a".to_owned(), task()), ("a".to_owned(), task())];
    let fork = Shape::Fork { branches, policy }.into();
    let dag = |needs: [&[&str]; 2]| -> Canvas {
        let stages = ["a", "b"].into_iter().zip(needs).map(|(name, needs)| Stage {
            name: name.to_owned(),
            needs: needs.iter().map(|need| (*need).to_owned()).collect(),
            settle: false,
            canvas: task(),
        });
        Shape::Dag { stages: stages.collect(), policy }.into()
    };
    let chatty = (0..65).fold(task(), |canvas, _| canvas.link(Signature::new("l")));
    for (canvas, expected) in [
        (endless, "loop of 0 at chain[1]"),
        (star, "item 0 of the starmap at chain[1]"),
        (fork, "two branches `a` in the fork at chain[1]"),
        (dag([&["b"], &["a"]]), "`a` needs itself, by way of others, in the dag at chain[1]"),
        (dag([&[], &["c"]]), "`b` needs `c`, which is no step of the dag at chain[1]"),
        (dag([&[], &["a", "a"]]), "`b` needs `a` twice in the dag at chain[1]"),
        (chatty, "65 callbacks at chain[1]"),
    ] {
        let error = compile(&Canvas::chain(vec![task(), canvas])).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn too_many_steps_are_refused() {
    let (signature, policy) = (Signature::new("t"), Policy::WaitAll);
    let items = Items::Given(vec![1.into(); celeriac_core::workflow::MAX_STEPS]);
    let map = Shape::Map { signature, items, each: Each::Item, policy };
    assert!(matches!(compile(&map.into()), Err(CompileError::TooManySteps { .. })));
}
