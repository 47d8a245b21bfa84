//! The values of options: literals of the right kind, or an error that says
//! what is allowed. Which options there are is said in `task::options`.

use std::time::Duration;

use syn::{Error, Expr, ExprLit, Lit, LitStr, Meta, Result};

/// The longest name that a message can bear, in bytes.
const MAX_NAME_BYTES: usize = 255;

/// A name as it travels in messages: 1 to 255 bytes.
pub(crate) fn name(meta: &Meta) -> Result<LitStr> {
    let Lit::Str(text) = literal(meta, "a name in quotes")? else {
        return Err(mistyped(meta, "a name in quotes"));
    };
    if (1..=MAX_NAME_BYTES).contains(&text.value().len()) {
        return Ok(text);
    }
    Err(Error::new(text.span(), format!("a name has 1 to {MAX_NAME_BYTES} bytes")))
}

/// A list of names: `option = ["a", "b"]`.
pub(crate) fn names(meta: &Meta) -> Result<Vec<LitStr>> {
    let expected = "a list of names, such as [\"archive\"]";
    let Meta::NameValue(pair) = meta else { return Err(mistyped(meta, expected)) };
    let Expr::Array(array) = &pair.value else { return Err(mistyped(meta, expected)) };
    let read = |element: &Expr| match element {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. })
            if (1..=MAX_NAME_BYTES).contains(&text.value().len()) =>
        {
            Ok(text.clone())
        }
        other => Err(Error::new_spanned(other, format!("a name has 1 to {MAX_NAME_BYTES} bytes"))),
    };
    array.elems.iter().map(read).collect()
}

/// A whole number between two limits.
pub(crate) fn number(meta: &Meta, least: u32, most: u32) -> Result<u32> {
    let expected = match most {
        u32::MAX => format!("a number of at least {least}"),
        _ => format!("a number from {least} to {most}"),
    };
    let Lit::Int(number) = literal(meta, &expected)? else {
        return Err(mistyped(meta, &expected));
    };
    match number.base10_parse::<u32>() {
        Ok(value) if (least..=most).contains(&value) => Ok(value),
        _ => Err(Error::new(number.span(), format!("`{}` is {expected}", option(meta)))),
    }
}

/// A switch: the bare word is `true`.
pub(crate) fn switch(meta: &Meta) -> Result<bool> {
    if matches!(meta, Meta::Path(_)) {
        return Ok(true);
    }
    match literal(meta, "`true` or `false`")? {
        Lit::Bool(switch) => Ok(switch.value),
        _ => Err(mistyped(meta, "`true` or `false`")),
    }
}

/// A duration of at least a millisecond.
pub(crate) fn duration(meta: &Meta) -> Result<Duration> {
    let expected = r#"a duration in quotes, such as "250ms", "30s" or "1m30s""#;
    match literal(meta, expected)? {
        Lit::Str(text) => parse_duration(&text, &text.value()),
        _ => Err(mistyped(meta, expected)),
    }
}

/// Two durations, `"initial..cap"`, the second not less than the first.
pub(crate) fn durations(meta: &Meta) -> Result<(Duration, Duration)> {
    let expected = r#"the first and the longest delay in quotes, such as "1s..2m""#;
    let Lit::Str(text) = literal(meta, expected)? else {
        return Err(mistyped(meta, expected));
    };
    let value = text.value();
    let Some((initial, cap)) = value.split_once("..") else {
        return Err(Error::new(text.span(), format!("`{}` is {expected}", option(meta))));
    };
    let (initial, cap) = (parse_duration(&text, initial)?, parse_duration(&text, cap)?);
    if initial > cap {
        let message = "the longest delay is shorter than the first; write \"first..longest\"";
        return Err(Error::new(text.span(), message));
    }
    Ok((initial, cap))
}

/// The option's own name, for messages.
pub(crate) fn option(meta: &Meta) -> String {
    let segments = meta.path().segments.iter();
    segments.map(|segment| segment.ident.to_string()).collect::<Vec<_>>().join("::")
}

fn parse_duration(at: &LitStr, text: &str) -> Result<Duration> {
    let duration = humantime::parse_duration(text.trim()).map_err(|error| {
        let hint = r#"write a duration such as "250ms", "30s", "1m30s" or "2h""#;
        Error::new(at.span(), format!("`{text}` is no duration ({error}); {hint}"))
    })?;
    match u64::try_from(duration.as_millis()) {
        Ok(0) => Err(Error::new(at.span(), "the shortest duration is \"1ms\"")),
        Ok(_) => Ok(duration),
        Err(_) => Err(Error::new(at.span(), "this duration is too long")),
    }
}

fn literal(meta: &Meta, expected: &str) -> Result<Lit> {
    match meta {
        Meta::NameValue(pair) => match &pair.value {
            Expr::Lit(ExprLit { lit, .. }) => Ok(lit.clone()),
            other => Err(Error::new_spanned(other, wrong(meta, expected))),
        },
        _ => Err(mistyped(meta, expected)),
    }
}

fn mistyped(meta: &Meta, expected: &str) -> Error {
    Error::new_spanned(meta, wrong(meta, expected))
}

fn wrong(meta: &Meta, expected: &str) -> String {
    let option = option(meta);
    format!("`{option}` is {expected}: write `{option} = …`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta(text: &str) -> Meta {
        syn::parse_str(text).unwrap()
    }

    #[test]
    fn durations_are_written_as_people_do() {
        let cases = [("250ms", 250), ("30s", 30_000), ("1m30s", 90_000), ("2h", 7_200_000)];
        for (text, expected) in cases {
            let parsed = duration(&meta(&format!("expires = \"{text}\""))).unwrap();
            assert_eq!(parsed, Duration::from_millis(expected), "{text}");
        }
        let pair = durations(&meta("backoff = \"1s .. 2m\"")).unwrap();
        assert_eq!(pair, (Duration::from_secs(1), Duration::from_secs(120)));
    }

    #[test]
    fn mistakes_are_told_with_what_is_allowed() {
        let errors = [
            (duration(&meta("expires = \"soon\"")).unwrap_err(), "`soon` is no duration"),
            (duration(&meta("expires = 30")).unwrap_err(), "such as \"250ms\""),
            (duration(&meta("expires")).unwrap_err(), "write `expires = …`"),
            (duration(&meta("expires = \"1us\"")).unwrap_err(), "the shortest duration"),
            (durations(&meta("backoff = \"1s\"")).unwrap_err(), "such as \"1s..2m\""),
            (durations(&meta("backoff = \"2m..1s\"")).unwrap_err(), "shorter than the first"),
            (number(&meta("priority = 10"), 0, 9).unwrap_err(), "a number from 0 to 9"),
            (number(&meta("concurrency = 0"), 1, u32::MAX).unwrap_err(), "at least 1"),
            (switch(&meta("ignore_result = 1")).unwrap_err(), "`true` or `false`"),
            (name(&meta("queue = \"\"")).unwrap_err(), "1 to 255 bytes"),
            (name(&meta("queue = QUEUE")).unwrap_err(), "a name in quotes"),
        ];
        for (error, expected) in errors {
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
