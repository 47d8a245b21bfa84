//! Child processes that a test may kill: the test's own binary, run again.
//!
//! A parent [`spawn`](Child::spawn)s the test function of the children by its
//! path, with variables that say what this child is to do; run as a test, that
//! function finds no variables and returns. What a child [`say`]s, the parent
//! hears word by word.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{ChildStdout, Command, Stdio};

/// What comes before each word: test runners print lines of their own.
const MARK: &str = "SAYS ";

/// A child at work; killed when it is dropped.
#[derive(Debug)]
pub struct Child {
    process: std::process::Child,
    says: Option<BufReader<ChildStdout>>,
}

impl Child {
    /// Runs the test at `path` (such as `child::child`) of this binary.
    ///
    /// # Panics
    /// When this binary can't be run again.
    #[must_use]
    pub fn spawn<'a>(path: &str, variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let binary = std::env::current_exe().expect("this program is a file");
        let mut command = Command::new(binary);
        command.args(["--exact", path, "--nocapture", "--test-threads=1"]).envs(variables);
        let errors = match std::env::var_os("CELERIAC_TEST_CHILDREN") {
            Some(_) => Stdio::inherit(),
            None => Stdio::null(),
        };
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors);
        let mut process = command.spawn().expect("this program runs again");
        let says = process.stdout.take().map(BufReader::new);
        Self { process, says }
    }

    /// Its number, as the system knows it.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits for its next word; `None` when it is dead.
    pub fn word(&mut self) -> Option<String> {
        next_word(self.says.as_mut()?)
    }

    /// Gives its words to `hear` on a thread of their own, until it is dead.
    pub fn listen(&mut self, mut hear: impl FnMut(String) + Send + 'static) {
        let Some(mut says) = self.says.take() else { return };
        std::thread::spawn(move || {
            while let Some(word) = next_word(&mut says) {
                hear(word);
            }
        });
    }

    /// Kills it with SIGKILL and waits for its end.
    pub fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn next_word(says: &mut BufReader<ChildStdout>) -> Option<String> {
    loop {
        let mut line = String::new();
        if says.read_line(&mut line).unwrap_or(0) == 0 {
            return None;
        }
        if let Some((_, word)) = line.split_once(MARK) {
            return Some(word.trim().to_owned());
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Says a word to the parent. The test runner may have begun the line.
pub fn say(word: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{MARK}{word}");
    let _ = out.flush();
}
