//! What the processes note, a line each, for the checker: files of the arena's
//! folder. A line that its process was killed in is not read.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use celeriac::MessageId;

/// One run of a task.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) number: u64,
    pub(crate) process: u32,
    /// When it began.
    pub(crate) at: u64,
}

/// What was accepted: tasks by number, or workflows by the number that they
/// come to.
pub(crate) type Accepted = Vec<(u64, MessageId)>;

/// Now, in ms, the same for all processes.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

/// A file that grows by whole lines.
pub(crate) fn open(folder: &Path, name: &str) -> File {
    OpenOptions::new().create(true).append(true).open(folder.join(name)).unwrap()
}

/// Notes what was accepted, by one write.
pub(crate) fn note(log: &mut File, accepted: &[(u64, MessageId)]) {
    let lines = accepted.iter().map(|(number, id)| format!("{number} {id}\n"));
    log.write_all(lines.collect::<String>().as_bytes()).unwrap();
}

/// Reads what was accepted.
pub(crate) fn accepted(folder: &Path, name: &str) -> Accepted {
    lines(&folder.join(name))
}

/// Reads every run of every process.
pub(crate) fn runs(folder: &Path) -> Vec<Run> {
    let mut runs = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        let process = name.strip_prefix("runs.").and_then(|rest| rest.parse().ok());
        let Some(process) = process else { continue };
        let of_file = lines(&file.path()).into_iter();
        runs.extend(of_file.map(|(number, at)| Run { number, process, at }));
    }
    runs
}

/// The lines of two words.
fn lines<A: FromStr, B: FromStr>(file: &Path) -> Vec<(A, B)> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let parse = |line: &str| {
        let (first, second) = line.split_once(' ')?;
        Some((first.parse().ok()?, second.parse().ok()?))
    };
    whole.lines().filter_map(parse).collect()
}
