//! `celeriac key`: whose messages are taken, and what is encrypted.

use std::path::{Path, PathBuf};
use std::time::Duration;

use celeriac::__private::host_name;
use celeriac::Timestamp;
use celeriac::security::{Keyring, PublicKey, keyring, seal, tls};
use serde::Serialize;

use crate::output::{Table, View, pairs};
use crate::problem::{Problem, Result};
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  celeriac key list                             this component's key, and whom it trusts
  celeriac key trust mail-1 celeriac-ed25519:…  take the signatures of another component
  celeriac key rotate                           a new key; the old one fades out in 7 days
  celeriac key encrypt 'payments.*'             encrypt the bodies of these queues
  celeriac key tls ./tls localhost 127.0.0.1    certificates for development

Questions to workers (`celeriac inspect`) are signed. Who uses the same folder of
keys trusts each other; whoever has another must be trusted: run `key list` there,
and `key trust` here with what it prints. What runs already learns it by itself.
The folder is `keys` in the directory of a file:// broker, else
~/.config/celeriac/keys, or what `security.folder` says.";

/// Manage keys: who may ask workers, signed queues, encrypted bodies.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum KeyCommand {
    /// Make this component's key; refused if it has one.
    New {
        /// Its name in others' lists. Default: the host's name.
        #[arg(long)]
        name: Option<String>,
    },
    /// Print this component's key and those that it trusts.
    List,
    /// Take the signatures of another component's key.
    Trust {
        /// Whose key it is.
        name: String,
        /// The key, as `key list` prints it there.
        key: String,
    },
    /// Take the signatures of these keys no longer.
    Distrust {
        /// Whose keys.
        name: String,
    },
    /// Replace this component's key by a new one.
    Rotate {
        /// How long the old key is still taken here.
        #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
        #[arg(default_value = "7days")]
        grace: Duration,
    },
    /// Encrypt the bodies of queues: makes a key, or a newer one.
    Encrypt {
        /// The queue, or a pattern with `*` and `?`.
        queue: String,
    },
    /// Make certificates for development: a CA and a certificate of it.
    Tls {
        /// The folder to write `ca.pem`, `cert.pem` and `cert-key.pem` to.
        folder: PathBuf,
        /// The hosts' names and addresses.
        #[arg(required = true)]
        names: Vec<String>,
    },
}

#[derive(Serialize)]
struct Key {
    name: String,
    key: String,
    own: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
}

#[derive(Serialize)]
struct Keys {
    folder: PathBuf,
    keys: Vec<Key>,
}

impl View for Keys {
    fn text(&self) -> String {
        let mut table = Table::new(["NAME", "KEY", "TRUSTED"]);
        for key in &self.keys {
            let trusted = match key.until {
                _ if key.own => "itself".to_owned(),
                Some(until) => format!("until {until}"),
                None => "yes".to_owned(),
            };
            table.row([key.name.clone(), key.key.clone(), trusted]);
        }
        format!("Keys in {}\n\n{}", self.folder.display(), table.or(""))
    }
}

/// What was done, in words and figures.
#[derive(Serialize)]
struct Done<'a> {
    done: &'static str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<usize>,
}

impl View for Done<'_> {
    fn text(&self) -> String {
        let count = self.count.map(|count| count.to_string()).unwrap_or_default();
        let key = self.key.clone().unwrap_or_default();
        pairs([(self.done, self.name.to_owned()), ("key", key), ("keys", count)])
    }
}

#[derive(Serialize)]
struct Certificates {
    ca: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

impl View for Certificates {
    fn text(&self) -> String {
        let show = |path: &Path| path.display().to_string();
        pairs([
            ("what clients trust", show(&self.ca)),
            ("the certificate", show(&self.certificate)),
            ("its private key", show(&self.key)),
        ])
    }
}

pub(crate) fn run(command: &KeyCommand, session: &Session) -> Result<()> {
    let output = &session.output;
    if let KeyCommand::Tls { folder, names } = command {
        let made = tls::develop(folder, names)?;
        let tls::Certificates { authority: ca, certificate, key } = made;
        return output.show(&Certificates { ca, certificate, key });
    }
    let folder = session.app.config().keys_folder()?.ok_or_else(no_folder)?;
    match command {
        KeyCommand::New { name } => {
            let name = name.clone().unwrap_or_else(host_name);
            let keyring = Keyring::create(&folder, &name)?;
            let key = Some(keyring.public().to_string());
            output.show(&Done { done: "made", name: &name, key, count: None })
        }
        KeyCommand::Encrypt { queue } => {
            let count = Some(seal::renew(&folder, queue)?);
            output.show(&Done { done: "encrypted", name: queue, key: None, count })?;
            output.note(
                "Copy queues.toml to everybody who sends to it or works on it, then restart them.",
            );
            Ok(())
        }
        _ => of_keyring(command, session, &folder),
    }
}

fn of_keyring(command: &KeyCommand, session: &Session, folder: &Path) -> Result<()> {
    let output = &session.output;
    let keyring = Keyring::open(folder, &host_name())?;
    match command {
        KeyCommand::Trust { name, key } => {
            let key = key.parse::<PublicKey>()?;
            keyring.trust(name, key)?;
            let key = Some(key.to_string());
            output.show(&Done { done: "trusted", name, key, count: None })
        }
        KeyCommand::Distrust { name } => match keyring.distrust(name)? {
            0 => Err(unknown(name)),
            count => output.show(&Done { done: "distrusted", name, key: None, count: Some(count) }),
        },
        KeyCommand::Rotate { grace } => {
            let key = Some(keyring.rotate(*grace, Timestamp::now())?.to_string());
            let name = keyring.name();
            output.show(&Done { done: "rotated", name: &name, key, count: None })
        }
        _ => output.show(&Keys { folder: folder.to_owned(), keys: listed(&keyring) }),
    }
}

fn listed(keyring: &Keyring) -> Vec<Key> {
    let own = keyring.public().to_string();
    let own = Key { name: keyring.name(), key: own, own: true, until: None };
    let others = keyring.trusted().into_iter().map(|keyring::Trusted { name, key, until }| Key {
        name,
        key: key.to_string(),
        own: false,
        until,
    });
    std::iter::once(own).chain(others).collect()
}

fn no_folder() -> Problem {
    Problem::usage("memory:// has a key of its own that ends with the process")
        .hint("name the broker that the workers use, or set `security.folder`")
}

fn unknown(name: &str) -> Problem {
    let message = format!("no key of `{name}` is trusted");
    Problem::new(crate::problem::Exit::NotFound, message).hint("`celeriac key list` shows them")
}
