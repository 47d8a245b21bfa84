//! Killed at any moment and started again, it ends with the same manifest.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitCode, Stdio};

use celeriac::MessageId;

use crate::{Arguments, run};

/// Names the child's folder and its output; absent in the parent.
const DIR: &str = "CELERIAC_INDEX_DIR";
const OUT: &str = "CELERIAC_INDEX_OUT";
const FILES: usize = 600;
/// How often it is killed.
const KILLS: usize = 5;
/// At most so many files are read before it is killed.
const READ: u64 = 60;

/// Says a word to the parent. The test runner may have begun the line.
pub fn say(word: &str) {
    let mut out = std::io::stdout().lock();
    // Who no longer listens needs no word.
    let _ = writeln!(out, "SAYS {word}");
    let _ = out.flush();
}

/// The child's entry; without its folder it is a test that has nothing to do.
#[tokio::test(flavor = "multi_thread")]
async fn child() {
    let (Ok(dir), Ok(out)) = (std::env::var(DIR), std::env::var(OUT)) else { return };
    let arguments = Arguments { dir: dir.into(), out: out.into(), restart: false };
    assert_eq!(run(&arguments).await.unwrap(), ExitCode::SUCCESS);
    say("finished");
}

struct Running {
    child: Child,
    says: BufReader<ChildStdout>,
}

impl Running {
    fn start(dir: &Path, out: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kills::child", "--nocapture", "--test-threads=1"])
            .env(DIR, dir)
            .env(OUT, out)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let says = BufReader::new(child.stdout.take().unwrap());
        Self { child, says }
    }

    /// The next word; nothing when the child has ended.
    fn word(&mut self) -> Option<String> {
        let lines = std::iter::from_fn(|| {
            let mut line = String::new();
            let read = self.says.read_line(&mut line).unwrap_or(0);
            (read > 0).then_some(line)
        });
        let mut words =
            lines.filter_map(|line| Some(line.split_once("SAYS ")?.1.trim().to_owned()));
        words.next()
    }

    /// Hears it out; whether it came to its end.
    fn finishes(mut self) -> bool {
        let mut last = None;
        while let Some(word) = self.word() {
            last = Some(word);
        }
        last.as_deref() == Some("finished")
    }
}

impl Drop for Running {
    /// SIGKILL, and the wait for its end.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn make_files(dir: &Path) {
    for number in 0..FILES {
        let folder = dir.join(format!("{}/{}", number % 7, number % 3));
        fs::create_dir_all(&folder).unwrap();
        let text = format!("line of {number}\n").repeat(number % 50);
        fs::write(folder.join(format!("{number}.txt")), text).unwrap();
    }
}

#[test]
fn killed_again_and_again_it_writes_the_same_manifest() {
    let place = tempfile::tempdir().unwrap();
    let (dir, alone, killed) =
        (place.path().join("files"), place.path().join("alone"), place.path().join("killed"));
    make_files(&dir);
    assert!(Running::start(&dir, &alone).finishes());

    for kill in 0..KILLS {
        let mut child = Running::start(&dir, &killed);
        for _ in 0..=MessageId::new().hash_bits() % READ {
            let word = child.word();
            assert_eq!(word.as_deref(), Some("read"), "before kill {kill}");
        }
    }
    assert!(Running::start(&dir, &killed).finishes());

    let manifest = |out: &Path| fs::read_to_string(out.join("manifest.json")).unwrap();
    let written = manifest(&alone);
    assert_eq!(written.matches("sha256").count(), FILES);
    assert_eq!(manifest(&killed), written);
    assert!(!killed.join("plan.json").exists(), "nothing is left to go on with");
}
