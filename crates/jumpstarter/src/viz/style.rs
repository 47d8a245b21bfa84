//! The style sheet inside an SVG. Every rule is bound to the class of the
//! drawing, so that several of them can stand in one page.

use std::fmt::Write;

use super::svg::SIZES;
use super::tone::Tone;

struct Scheme {
    page: &'static str,
    text: &'static str,
    edge: &'static str,
    quiet: &'static str,
}

const LIGHT: Scheme =
    Scheme { page: "#ffffff", text: "#1f2430", edge: "#5b6472", quiet: "#b6bdc8" };
const DARK: Scheme = Scheme { page: "#14171c", text: "#e6e8ec", edge: "#9aa3b2", quiet: "#4a525f" };

/// The `<style>` element.
pub(super) fn sheet() -> String {
    let (normal, small) = SIZES;
    let mut css = String::from("<style>\n");
    rule(
        &mut css,
        "text",
        "font-family:system-ui,-apple-system,\"Segoe UI\",Roboto,\"Helvetica Neue\",\"Liberation Sans\",Arial,sans-serif",
    );
    rule(&mut css, ".name", &format!("font-size:{normal}px;font-weight:600"));
    rule(&mut css, ".detail", &format!("font-size:{small}px"));
    rule(&mut css, ".label", &format!("font-size:{small}px"));
    rule(&mut css, ".heading", "font-size:16px;font-weight:600");
    rule(&mut css, ".box rect", "stroke-width:1.5");
    rule(&mut css, ".box .mark", "stroke:none");
    rule(&mut css, ".frame rect", "fill-opacity:.3;stroke-width:1.2");
    rule(&mut css, ".region rect", "stroke-dasharray:6 4");
    rule(&mut css, ".current rect", "stroke-width:3");
    rule(&mut css, ".edge", "fill:none;stroke-width:1.3");
    rule(&mut css, ".dashed", "stroke-dasharray:5 4");
    scheme(&mut css, &LIGHT, Tone::light);
    css.push_str("@media (prefers-color-scheme: dark) {\n");
    scheme(&mut css, &DARK, Tone::dark);
    css.push_str("}\n</style>");
    css
}

fn scheme(css: &mut String, scheme: &Scheme, colours: fn(Tone) -> super::tone::Colours) {
    rule(css, ".page", &format!("fill:{}", scheme.page));
    rule(css, ".heading", &format!("fill:{}", scheme.text));
    rule(css, ".label", &format!("fill:{}", scheme.text));
    rule(css, ".edge", &format!("stroke:{}", scheme.edge));
    rule(css, ".head", &format!("fill:{}", scheme.edge));
    rule(css, ".joint", &format!("fill:{}", scheme.edge));
    rule(css, ".dot", &format!("fill:{}", scheme.edge));
    for tone in Tone::ALL {
        let (name, colours) = (tone.name(), colours(tone));
        rule(
            css,
            &format!(".{name} rect"),
            &format!("fill:{};stroke:{}", colours.fill, colours.line),
        );
        rule(css, &format!(".{name} text"), &format!("fill:{}", colours.text));
        rule(css, &format!(".{name} .mark"), &format!("fill:{}", colours.line));
        rule(css, &format!(".box.{name}.current rect"), &format!("fill:{}", colours.line));
    }
    rule(css, ".frame.plain rect", &format!("stroke:{}", scheme.quiet));
    rule(css, ".box.current text", &format!("fill:{}", scheme.page));
    rule(css, ".dot.current", &format!("fill:{}", Tone::Red.light().line));
}

fn rule(css: &mut String, selector: &str, declarations: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(css, ".jumpstarter {selector}{{{declarations}}}");
}
