//! Tasks that are pure functions of their arguments.

use celeriac_core::HeaderValue;
use celeriac_core::workflow::{Canvas, Each};

use super::generate::Palette;
use crate::dice::Dice;

/// The kind of failure that a task here reports.
pub const KIND: &str = "fake";

/// Every task here.
pub const TASKS: &[&str] = &[
    "mix",
    "odd",
    "fail",
    "list",
    "lists",
    "map",
    "null",
    "replace",
    "replace_once",
    "broken",
    "replace_broken",
    "flaky",
    "hopeless",
    "late",
    "revoked",
];

/// What became of a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Ran {
    /// It gave a value.
    Value(HeaderValue),
    /// It failed, in the end, with that kind and message.
    Failed(&'static str, String),
    /// It put a canvas in its own place.
    Replaced(Box<Canvas>),
}

/// Leaves out what an interpreter can't know: ids of messages, and the words
/// of failures that are not a task's.
#[must_use]
pub fn normal(value: &HeaderValue) -> HeaderValue {
    match value {
        HeaderValue::List(values) => HeaderValue::List(values.iter().map(normal).collect()),
        HeaderValue::Map(values) => {
            let fake = values.get("kind").is_none_or(|kind| kind.as_str() == Some(KIND));
            let kept =
                values.iter().filter(|(name, _)| *name != "id" && (fake || *name != "message"));
            HeaderValue::Map(kept.map(|(name, value)| (name.clone(), normal(value))).collect())
        }
        other => other.clone(),
    }
}

/// Values as a text to compare.
#[must_use]
pub fn text(values: &[HeaderValue]) -> String {
    let values = Vec::from_iter(values.iter().map(normal));
    serde_json::to_string(&values).expect("JSON")
}

fn hash(task: &str, arguments: &[HeaderValue]) -> u64 {
    let text = text(arguments);
    let bytes = task.bytes().chain(text.bytes());
    let seed = bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    Dice::new(seed).roll()
}

fn numbers(dice: &mut Dice) -> HeaderValue {
    let count = dice.below(5);
    HeaderValue::List((0..count).map(|_| HeaderValue::Int(dice.below(100) as i64)).collect())
}

/// How often `flaky` fails before it ends well.
#[must_use]
pub fn failures_before_success(task: &str, arguments: &[HeaderValue]) -> u32 {
    match task {
        "flaky" => (hash(task, arguments) % 3) as u32,
        _ => 0,
    }
}

/// What a task comes to in the end. What is `broken` fails until it is mended;
/// `late` has expired, and `revoked` revokes itself.
#[must_use]
pub fn run(task: &str, arguments: &[HeaderValue], each: Option<Each>, mended: bool) -> Ran {
    if task == "late" {
        return Ran::Failed("expired", String::new());
    }
    match each {
        None => run_once(task, arguments, mended),
        Some(each) => sweep(task, arguments, each, mended),
    }
}

/// The kind of failure of a task that can't read its arguments.
const UNDECODABLE: &str = "undecodable_arguments";

const fn fails(message: String) -> Ran {
    Ran::Failed(KIND, message)
}

fn run_once(task: &str, arguments: &[HeaderValue], mended: bool) -> Ran {
    let hash = hash(task, arguments);
    let mut dice = Dice::new(hash);
    let number = HeaderValue::Int((hash % 100) as i64);
    match task {
        "fail" | "hopeless" => fails(format!("failed {hash}")),
        "revoked" => Ran::Failed("revoked", String::new()),
        "odd" if hash % 2 == 1 => fails(format!("odd {hash}")),
        "broken" if !mended && hash.is_multiple_of(3) => fails(format!("broken {hash}")),
        "list" => Ran::Value(numbers(&mut dice)),
        "lists" => {
            let pair = |dice: &mut Dice| vec![HeaderValue::Int(dice.below(9) as i64); 2].into();
            Ran::Value(HeaderValue::List((0..dice.below(4)).map(|_| pair(&mut dice)).collect()))
        }
        "map" => {
            let values = [("n".to_owned(), number), ("items".to_owned(), numbers(&mut dice))];
            Ran::Value(HeaderValue::Map(values.into()))
        }
        "null" => Ran::Value(HeaderValue::Null),
        "replace" => Ran::Replaced(Box::new(Palette::REPLACED.canvas(&mut dice, 2))),
        "replace_once" => Ran::Replaced(Box::new(Palette::PLAIN.canvas(&mut dice, 2))),
        "replace_broken" => Ran::Replaced(Box::new(Palette::BROKEN.canvas(&mut dice, 2))),
        _ => Ran::Value(number),
    }
}

fn sweep(task: &str, arguments: &[HeaderValue], each: Each, mended: bool) -> Ran {
    let Some((HeaderValue::List(items), rest)) = arguments.split_first() else {
        return Ran::Failed(UNDECODABLE, String::new());
    };
    let mut results = Vec::new();
    for item in items {
        let first = match (each, item) {
            (Each::Star, HeaderValue::List(first)) => first.clone(),
            (Each::Star, _) => return Ran::Failed(UNDECODABLE, String::new()),
            (Each::Item, item) => vec![item.clone()],
        };
        match run_once(task, &[first, rest.to_vec()].concat(), mended) {
            Ran::Value(value) => results.push(value),
            other => return other,
        }
    }
    Ran::Value(HeaderValue::List(results))
}
