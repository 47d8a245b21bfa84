//! Lengths: the grid that everything stands on, rectangles, and how wide a text
//! will be in a font that is not known here.

/// The width of a cell of the grid in pixels.
pub(super) const CELL: i32 = 10;
/// The font size of edge labels and details, in pixels.
pub(super) const SMALL: f64 = 11.0;
/// The font size of names, in pixels.
pub(super) const NORMAL: f64 = 13.0;
/// The height of a line of labels, in pixels.
pub(super) const LINE: i32 = 14;

/// A rectangle, in cells or in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rect {
    pub(super) x: i32,
    pub(super) y: i32,
    pub(super) w: i32,
    pub(super) h: i32,
}

impl Rect {
    pub(super) fn right(&self) -> i32 {
        self.x + self.w
    }

    pub(super) fn bottom(&self) -> i32 {
        self.y + self.h
    }

    pub(super) fn to_pixels(self) -> Rect {
        Rect { x: self.x * CELL, y: self.y * CELL, w: self.w * CELL, h: self.h * CELL }
    }

    pub(super) fn grown(self, by: i32) -> Rect {
        Rect { x: self.x - by, y: self.y - by, w: self.w + 2 * by, h: self.h + 2 * by }
    }

    /// Whether the two have a point in common, borders included.
    pub(super) fn meets(&self, other: &Rect) -> bool {
        self.x <= other.right()
            && other.x <= self.right()
            && self.y <= other.bottom()
            && other.y <= self.bottom()
    }

    pub(super) fn holds(&self, (x, y): (i32, i32)) -> bool {
        (self.x..=self.right()).contains(&x) && (self.y..=self.bottom()).contains(&y)
    }
}

/// The width of a text in pixels, rather too wide than too narrow.
pub(super) fn text_width(text: &str, size: f64) -> i32 {
    let ems: f64 = text.chars().map(letter_width).sum();
    // A positive number far below the limit.
    (ems * size).ceil() as i32
}

fn letter_width(letter: char) -> f64 {
    match letter {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' => 0.32,
        'f' | 't' | 'r' | ' ' | '(' | ')' | '[' | ']' | '/' | '-' => 0.42,
        'm' | 'w' | 'M' | 'W' | '@' | '%' => 0.95,
        letter if letter.is_ascii_uppercase() => 0.74,
        letter if letter.is_ascii() => 0.62,
        // Beyond the alphabets of Europe letters tend to be square.
        letter if u32::from(letter) >= 0x1100 => 1.1,
        _ => 0.7,
    }
}

/// The cells that so many pixels take.
pub(super) fn cells(pixels: i32) -> i32 {
    (pixels + CELL - 1) / CELL
}
