//! `celeriac inspect actors --watch`: the trees, again and again, each with the
//! time at which it was taken.

use std::io::{self, IsTerminal as _};
use std::time::{Duration, SystemTime};

use celeriac::Question;
use serde::Serialize;

use super::Trees;
use crate::commands::inspect::ask;
use crate::output::{Output, Reader, View};
use crate::problem::Result;
use crate::session::Session;
use crate::signals::Signals;

/// Lines of a screen whose size is not known.
const USUAL_LINES: usize = 24;

/// Shows the trees until Ctrl-C, or until nobody reads them.
pub(super) async fn watch(interval: Duration, session: &Session) -> Result<()> {
    let output = &session.output;
    let mut signals = Signals::listen()?;
    let screen = (output.reader() == Reader::Person && io::stdout().is_terminal())
        .then(|| Screen::begin(output))
        .transpose()?;
    let looking = async {
        loop {
            // The time of the question: no answer is older.
            let taken = SystemTime::now();
            let workers = Trees(ask(Question::Actors, session).await?);
            let frame = Frame::new(taken, interval, workers);
            let reads_on = match (output.reader(), &screen) {
                (Reader::Program, _) => {
                    output.put(&serde_json::to_string(&frame).unwrap_or_default())?
                }
                (Reader::Person, Some(screen)) => screen.draw(&frame.text())?,
                (Reader::Person, None) => output.put(&(frame.text() + "\n"))?,
            };
            if !reads_on {
                return Ok(());
            }
            tokio::time::sleep(interval).await;
        }
    };
    tokio::select! {
        ended = looking => ended,
        // Its ordinary end.
        () = signals.next() => Ok(()),
    }
}

/// What was seen at one look.
#[derive(Serialize)]
struct Frame {
    /// When it was asked for: RFC 3339, in UTC.
    taken: String,
    interval_ms: u64,
    workers: Trees,
    #[serde(skip)]
    interval: Duration,
}

impl Frame {
    fn new(taken: SystemTime, interval: Duration, workers: Trees) -> Self {
        let taken = humantime::format_rfc3339_millis(taken).to_string();
        let interval_ms = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX);
        Frame { taken, interval_ms, workers, interval }
    }
}

impl View for Frame {
    fn text(&self) -> String {
        let interval = humantime::format_duration(self.interval);
        format!("{}, every {interval}\n\n{}", self.taken, self.workers.text())
    }
}

/// The terminal, where each frame takes the place of the last one.
struct Screen<'a> {
    output: &'a Output,
}

impl<'a> Screen<'a> {
    /// The cursor would jump through each frame; it is hidden meanwhile.
    fn begin(output: &'a Output) -> Result<Self> {
        output.write("\x1b[?25l\x1b[2J")?;
        Ok(Screen { output })
    }

    fn draw(&self, text: &str) -> Result<bool> {
        let lines =
            terminal_size::terminal_size().map_or(USUAL_LINES, |(_, height)| usize::from(height.0));
        self.output.write(&over_the_last(text, lines))
    }
}

impl Drop for Screen<'_> {
    fn drop(&mut self) {
        // Nobody is left to be told that stdout is closed.
        drop(self.output.write("\x1b[?25h\n"));
    }
}

/// Text that takes the place of what is on the screen, without flicker: shown at
/// once where the terminal can do that, line over line where it cannot, and never
/// so long that the screen scrolls.
fn over_the_last(text: &str, height: usize) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let hidden = (lines.len() + 1).saturating_sub(height.max(2));
    if lines.len() > height.max(2) {
        lines.truncate(height.max(2) - 1);
        lines.push(format!("({hidden} more lines)"));
    }
    let lines: Vec<_> = lines.iter().map(|line| format!("{line}\x1b[K")).collect();
    format!("\x1b[?2026h\x1b[H{}\x1b[J\x1b[?2026l", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_is_written_over() {
        let expected = "\x1b[?2026h\x1b[Ha\x1b[K\nb\x1b[K\x1b[J\x1b[?2026l";
        assert_eq!(over_the_last("a\nb", 2), expected);
    }

    #[test]
    fn what_is_longer_than_the_screen_is_cut() {
        let text = over_the_last("a\nb\nc\nd", 3);
        assert!(text.contains("\x1b[Ha\x1b[K\nb\x1b[K\n(2 more lines)\x1b[K\x1b[J"), "{text:?}");
    }

    #[test]
    fn a_frame_says_when_it_was_taken_and_how_often_they_come() {
        let taken = SystemTime::UNIX_EPOCH + Duration::from_millis(1500);
        let frame = Frame::new(taken, Duration::from_secs(5), Trees(Vec::new()));
        assert_eq!(frame.text(), "1970-01-01T00:00:01.500Z, every 5s\n\nNo worker answers.");
        let json = serde_json::to_value(&frame).unwrap();
        let expected = serde_json::json!({
            "taken": "1970-01-01T00:00:01.500Z", "interval_ms": 5000, "workers": [],
        });
        assert_eq!(json, expected);
    }
}
