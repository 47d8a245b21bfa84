//! The folder that holds a component's key and whom it trusts.
//!
//! | file | what it holds |
//! |---|---|
//! | `key.toml` | the private key; for its owner alone |
//! | `trusted.toml` | the public keys of others, by name |
//! | `queues.toml` | keys of encrypted queues, if any ([`seal`]) |
//!
//! A process that runs reads files that were changed when it meets a key that
//! it does not know, and once a minute: trust and rotation need no restart.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use celeriac_core::Timestamp;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::files::{self, Secrecy};
use crate::key::{KeyId, KeyPair, PublicKey};
use crate::seal::{self, QueueKeys};

const KEY: &str = "key.toml";
const TRUSTED: &str = "trusted.toml";
const KEY_HEADING: &str = "# The private key of this component. Keep it secret.\n";
const TRUSTED_HEADING: &str =
    "# Whose signatures are taken. `celeriac key list` elsewhere prints the lines to trust.\n";
/// How long a key that was replaced is still trusted, unless said otherwise. 7 days.
pub const GRACE: Duration = Duration::from_secs(7 * 24 * 3600);
/// How often the files are looked at without a reason.
const REFRESH: Duration = Duration::from_secs(60);

/// A key whose signatures are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trusted {
    /// Whose it is.
    pub name: String,
    /// The key.
    pub key: PublicKey,
    /// Not after this time, for a key that was replaced.
    pub until: Option<Timestamp>,
}

/// A component's own key, and the keys that it trusts. Its own is among them.
#[derive(Debug)]
pub struct Keyring {
    folder: Option<PathBuf>,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    name: String,
    own: KeyPair,
    trusted: HashMap<KeyId, Trusted>,
    /// When the files were written that this was read from.
    written: [Option<SystemTime>; 2],
    looked_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    name: String,
    secret: String,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TrustFile {
    #[serde(default)]
    trusted: Vec<TrustEntry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TrustEntry {
    name: String,
    key: String,
    /// In RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<String>,
}

impl Keyring {
    /// A fresh key in memory only, which trusts itself: for one process.
    #[must_use]
    pub fn ephemeral() -> Self {
        let known = Known {
            name: "this process".to_owned(),
            own: KeyPair::generate(),
            trusted: HashMap::new(),
            written: [None; 2],
            looked_at: Timestamp::now(),
        };
        Self { folder: None, known: Mutex::new(known) }
    }

    /// Opens the folder; makes a key in it if there is none.
    ///
    /// # Errors
    /// [`Error`] when a file can't be read or written, is malformed, or others
    /// may read the private key.
    pub fn open(folder: &Path, name: &str) -> Result<Self, Error> {
        if !folder.join(KEY).exists() {
            write_key(folder, name, &KeyPair::generate())?;
        }
        let known = Mutex::new(Known::read(folder)?);
        Ok(Self { folder: Some(folder.to_owned()), known })
    }

    /// Makes a key in the folder, under the name by which others will list it.
    ///
    /// # Errors
    /// [`Error::Exists`] if there is one already; else as [`Self::open`].
    pub fn create(folder: &Path, name: &str) -> Result<Self, Error> {
        let path = folder.join(KEY);
        if path.exists() {
            return Err(Error::Exists { path });
        }
        Self::open(folder, name)
    }

    /// The name of the component's own key.
    #[must_use]
    pub fn name(&self) -> String {
        self.known.lock().name.clone()
    }

    /// The half of the component's own key that others may know.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        self.known.lock().own.public()
    }

    /// The key to sign with.
    #[must_use]
    pub fn signer(&self, now: Timestamp) -> KeyPair {
        let mut known = self.known.lock();
        if now.since(known.looked_at) >= REFRESH {
            self.look(&mut known, now);
        }
        known.own.clone()
    }

    /// The key of that id, if its signatures are taken at `now`.
    #[must_use]
    pub fn find(&self, id: KeyId, now: Timestamp) -> Option<PublicKey> {
        let mut known = self.known.lock();
        if let Some(key) = known.find(id, now) {
            return Some(key);
        }
        self.look(&mut known, now);
        known.find(id, now)
    }

    /// Whom the component trusts beside itself, by name.
    #[must_use]
    pub fn trusted(&self) -> Vec<Trusted> {
        let mut trusted: Vec<_> = self.known.lock().trusted.values().cloned().collect();
        trusted.sort_by(|left, right| left.name.cmp(&right.name));
        trusted
    }

    /// Takes the signatures of `key` from now on; written to the folder.
    ///
    /// # Errors
    /// [`Error`] when the file can't be written.
    pub fn trust(&self, name: &str, key: PublicKey) -> Result<(), Error> {
        let trusted = Trusted { name: name.to_owned(), key, until: None };
        let mut known = self.known.lock();
        known.trusted.insert(key.id(), trusted);
        self.write_trusted(&known)
    }

    /// Takes no signatures of the keys of that name any longer; says how many there were.
    ///
    /// # Errors
    /// [`Error`] when the file can't be written.
    pub fn distrust(&self, name: &str) -> Result<usize, Error> {
        let mut known = self.known.lock();
        let before = known.trusted.len();
        known.trusted.retain(|_, trusted| trusted.name != name);
        self.write_trusted(&known)?;
        Ok(before - known.trusted.len())
    }

    /// Makes a new key of one's own. The old one is trusted here for `grace`
    /// longer; others trust the new one once they are told of it.
    ///
    /// # Errors
    /// [`Error`] when a file can't be written; the old key is kept then.
    pub fn rotate(&self, grace: Duration, now: Timestamp) -> Result<PublicKey, Error> {
        let mut known = self.known.lock();
        let (old, new) = (known.own.public(), KeyPair::generate());
        let until = Some(now.after(grace));
        let faded = Trusted { name: known.name.clone(), key: old, until };
        known.trusted.insert(old.id(), faded);
        self.write_trusted(&known)?;
        if let Some(folder) = &self.folder {
            write_key(folder, &known.name, &new)?;
        }
        known.own = new;
        Ok(known.own.public())
    }

    /// The keys of encrypted queues in the folder.
    ///
    /// # Errors
    /// [`Error`] when the file can't be read, or others may read it.
    pub fn queue_keys(&self) -> Result<Vec<QueueKeys>, Error> {
        self.folder.as_deref().map_or_else(|| Ok(Vec::new()), seal::load)
    }

    /// Reads the files again if they were written since.
    fn look(&self, known: &mut Known, now: Timestamp) {
        let Some(folder) = &self.folder else { return };
        known.looked_at = now;
        if written(folder) == known.written {
            return;
        }
        match Known::read(folder) {
            Ok(read) => *known = read,
            Err(error) => tracing::warn!(%error, "the keys could not be read again"),
        }
    }

    fn write_trusted(&self, known: &Known) -> Result<(), Error> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let mut trusted: Vec<_> = known.trusted.values().map(TrustEntry::from).collect();
        trusted.sort_by(|left, right| (&left.name, &left.key).cmp(&(&right.name, &right.key)));
        let path = folder.join(TRUSTED);
        files::write(&path, Secrecy::Public, TRUSTED_HEADING, &TrustFile { trusted })
    }
}

impl Known {
    fn read(folder: &Path) -> Result<Self, Error> {
        // Before they are read: what is written meanwhile is read again.
        let written = written(folder);
        let path = folder.join(KEY);
        let malformed =
            |reason: &str| Error::Malformed { path: path.clone(), reason: reason.to_owned() };
        let file = files::read::<KeyFile>(&path, Secrecy::Secret)?;
        let file = file.ok_or_else(|| malformed("it is gone"))?;
        let own = KeyPair::from_secret_text(&file.secret);
        let own = own.ok_or_else(|| malformed("its secret is not 32 bytes in base64"))?;
        let trusted = read_trusted(&folder.join(TRUSTED))?;
        Ok(Self { name: file.name, own, trusted, written, looked_at: Timestamp::now() })
    }

    fn find(&self, id: KeyId, now: Timestamp) -> Option<PublicKey> {
        let own = self.own.public();
        if own.id() == id {
            return Some(own);
        }
        let trusted = self.trusted.get(&id)?;
        trusted.until.is_none_or(|until| now <= until).then_some(trusted.key)
    }
}

/// When the key and the list of trusted ones were written.
fn written(folder: &Path) -> [Option<SystemTime>; 2] {
    [KEY, TRUSTED].map(|file| std::fs::metadata(folder.join(file)).ok()?.modified().ok())
}

fn write_key(folder: &Path, name: &str, key: &KeyPair) -> Result<(), Error> {
    let file = KeyFile { name: name.to_owned(), secret: key.to_secret_text() };
    files::write(&folder.join(KEY), Secrecy::Secret, KEY_HEADING, &file)
}

fn read_trusted(path: &Path) -> Result<HashMap<KeyId, Trusted>, Error> {
    let file = files::read::<TrustFile>(path, Secrecy::Public)?.unwrap_or_default();
    let mut trusted = HashMap::new();
    for entry in file.trusted {
        let one = entry.read(path)?;
        trusted.insert(one.key.id(), one);
    }
    Ok(trusted)
}

impl TrustEntry {
    fn read(self, path: &Path) -> Result<Trusted, Error> {
        let malformed = |reason: String| Error::Malformed { path: path.to_owned(), reason };
        let key = self.key.parse::<PublicKey>().map_err(|error| malformed(error.to_string()))?;
        let until =
            match self.until {
                None => None,
                Some(text) => {
                    let time = humantime::parse_rfc3339(&text);
                    Some(time.map_err(|error| {
                        malformed(format!("`until` of `{}`: {error}", self.name))
                    })?)
                }
            };
        Ok(Trusted { name: self.name, key, until: until.map(from_system) })
    }
}

impl From<&Trusted> for TrustEntry {
    fn from(trusted: &Trusted) -> Self {
        let until = trusted
            .until
            .map(|until| humantime::format_rfc3339_seconds(to_system(until)).to_string());
        Self { name: trusted.name.clone(), key: trusted.key.to_string(), until }
    }
}

fn from_system(time: SystemTime) -> Timestamp {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

fn to_system(time: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(time.as_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyring() -> (tempfile::TempDir, Keyring) {
        let folder = tempfile::tempdir().unwrap();
        let keyring = Keyring::open(folder.path(), "mine").unwrap();
        (folder, keyring)
    }

    #[test]
    fn a_key_is_made_once_and_found_again() {
        let (folder, keyring) = keyring();
        let again = Keyring::open(folder.path(), "other name").unwrap();
        assert_eq!(again.public(), keyring.public());
        assert_eq!(again.name(), "mine");
        assert!(matches!(Keyring::create(folder.path(), "x"), Err(Error::Exists { .. })));
    }

    #[test]
    fn trust_given_elsewhere_is_seen_without_a_restart() {
        let (folder, running) = keyring();
        let other = KeyPair::generate().public();
        let now = Timestamp::now();
        assert_eq!(running.find(other.id(), now), None);
        Keyring::open(folder.path(), "").unwrap().trust("other", other).unwrap();
        assert_eq!(running.find(other.id(), now), Some(other));
        assert_eq!(running.distrust("other").unwrap(), 1);
        assert_eq!(running.find(other.id(), now), None);
    }

    #[test]
    fn a_replaced_key_fades_out() {
        let (folder, running) = keyring();
        let (old, now) = (running.public(), Timestamp::now());
        let new = Keyring::open(folder.path(), "").unwrap().rotate(GRACE, now).unwrap();
        assert_ne!(old, new);
        let later = now.after(REFRESH);
        assert_eq!(running.signer(later).public(), new);
        assert_eq!(running.find(old.id(), later), Some(old));
        let faded = Timestamp::from_millis(now.after(GRACE).as_millis() + 1001);
        assert_eq!(running.find(old.id(), faded), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_private_key_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let (folder, _) = keyring();
        let path = folder.path().join(KEY);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        let error = Keyring::open(folder.path(), "").unwrap_err().to_string();
        assert!(error.contains("chmod 600"), "{error}");
    }

    #[test]
    fn an_error_tells_no_secret() {
        let (folder, _) = keyring();
        let path = folder.path().join(KEY);
        let text = std::fs::read_to_string(&path).unwrap();
        let secret = text.split('"').nth(3).unwrap().to_owned();
        std::fs::write(&path, format!("{text}\nsecret = \"{secret}\"\n")).unwrap();
        let error = Keyring::open(folder.path(), "").unwrap_err().to_string();
        assert!(!error.contains(&secret), "{error}");
        assert!(error.contains("key.toml"), "{error}");
    }
}
