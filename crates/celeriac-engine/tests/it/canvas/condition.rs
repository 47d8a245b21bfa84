//! Conditions, as a table.

use celeriac_core::HeaderValue;
use celeriac_core::workflow::Condition;
use celeriac_engine::canvas::holds;

fn check(condition: &str, value: &str, expected: bool) {
    let condition: Condition = serde_json::from_str(condition).unwrap();
    let value: HeaderValue = serde_json::from_str(value).unwrap();
    assert_eq!(holds(&condition, &value), expected, "{condition:?} of {value:?}");
}

#[test]
fn values_compare_by_what_they_are() {
    check(r#"{"compare":["$.n","greater",3]}"#, r#"{"n":4}"#, true);
    check(r#"{"compare":["$.n","greater",3]}"#, r#"{"n":3.5}"#, true);
    check(r#"{"compare":["$.n","greater",3]}"#, r#"{"n":"4"}"#, false);
    check(r#"{"compare":["$.n","less_or_equal",3]}"#, r#"{"n":3}"#, true);
    check(r#"{"compare":["$.n","equal",18446744073709551615]}"#, r#"{"n":-1}"#, false);
    check(r#"{"compare":["$.n","less",18446744073709551615]}"#, r#"{"n":-1}"#, true);
    check(r#"{"compare":["$.n","equal",1]}"#, r#"{"n":1.0}"#, true);
    check(r#"{"compare":["$.n","equal",null]}"#, "{}", true);
    check(r#"{"compare":["$.n","not_equal",[1]]}"#, r#"{"n":[1]}"#, false);
    check(r#"{"compare":["$[1]","less","b"]}"#, r#"["z","a"]"#, true);
}

#[test]
fn conditions_combine() {
    check(r#"{"exists":"$.a"}"#, r#"{"a":null}"#, true);
    check(r#"{"not":{"exists":"$.a"}}"#, r#"{"a":null}"#, false);
    check(r#"{"all":[]}"#, "1", true);
    check(r#"{"any":[]}"#, "1", false);
    check(r#"{"any":[{"exists":"$.a"},{"exists":"$[0]"}]}"#, "[1]", true);
    check(r#"{"all":[{"exists":"$.a"},{"exists":"$[0]"}]}"#, "[1]", false);
}
