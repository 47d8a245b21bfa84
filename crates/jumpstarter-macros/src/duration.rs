//! Durations as literals: `"500ms"`, `"5s"`, `"1m30s"`, `"2h"`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::LitStr;

/// A duration in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Millis(pub(crate) u64);

impl Millis {
    pub(crate) fn read(literal: &LitStr) -> syn::Result<Self> {
        parse(&literal.value()).map(Millis).ok_or_else(|| {
            let message = "a duration is whole numbers with units, as in \"500ms\" or \"1m30s\"";
            syn::Error::new(literal.span(), message)
        })
    }

    pub(crate) fn expression(self) -> TokenStream {
        let millis = self.0;
        quote!(::core::time::Duration::from_millis(#millis))
    }
}

fn parse(text: &str) -> Option<u64> {
    let mut rest = text.trim();
    let mut total: u64 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|character: char| !character.is_ascii_digit())?;
        let (number, after) = rest.split_at(digits);
        let unit_end =
            after.find(|character: char| character.is_ascii_digit()).unwrap_or(after.len());
        let (unit, next) = after.split_at(unit_end);
        let factor = match unit.trim() {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return None,
        };
        let number: u64 = number.parse().ok()?;
        total = total.checked_add(number.checked_mul(factor)?)?;
        rest = next;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn reads_what_people_write() {
        assert_eq!(parse("500ms"), Some(500));
        assert_eq!(parse("5s"), Some(5_000));
        assert_eq!(parse("1m30s"), Some(90_000));
        assert_eq!(parse("2h"), Some(7_200_000));
        for wrong in ["", "5", "s", "5 years", "-1s", "1.5s"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
