//! Loading: what a file and environment variables say, written over a
//! configuration. All mistakes are told at once, each with its place.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{Error, Mistake, Place};
use super::keys::{Given, KEYS, Key};
use super::nearest::nearest;
use super::{Check, Config, brokers};

/// The file that is read if no other is named and it exists.
const DEFAULT_FILE: &str = "celeriac.toml";
const PREFIX: &str = "CELERIAC_";
/// `CELERIAC_BROKERS__EU__URL` is the address of the broker `eu`.
const BROKERS: &str = "CELERIAC_BROKERS__";
/// The section of declared health checks.
const CHECKS: &str = "checks";
/// Variables of this prefix that set nothing here: the command line's, and
/// those of the tests that kill processes.
const OTHERS: [&str; 2] = ["CELERIAC_CONFIG", "CELERIAC_LOG"];
const OTHERS_PREFIX: &str = "CELERIAC_CRASH_";

impl Config {
    /// The defaults; over them the file (without one `./celeriac.toml`, if it
    /// exists); over it the variables whose names begin with `CELERIAC_`.
    ///
    /// A variable's name is its key in capitals, with two underscores between
    /// section and key: `CELERIAC_BROKER`, `CELERIAC_WORKER__CONCURRENCY`.
    /// Lists are separated by commas. Other variables are ignored.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use celeriac::{App, Config};
    ///
    /// let app = App::from_config(Config::load(None, std::env::vars())?)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Read`] when the file can't be read, [`Error::Mistakes`] for
    /// unknown keys and for values that are not allowed.
    pub fn load(
        file: Option<&Path>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Error> {
        Self::default().load_over(file, variables)
    }

    /// As [`Self::load`], over this configuration instead of the defaults.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_over(
        mut self,
        file: Option<&Path>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Error> {
        let default = Path::new(DEFAULT_FILE);
        let file = file.or_else(|| default.exists().then_some(default));
        let mut mistakes = Vec::new();
        if let Some(path) = file {
            let text = std::fs::read_to_string(path)
                .map_err(|source| Error::Read { path: path.to_owned(), source })?;
            let mut reading = Reading { path, text: &text, mistakes: &mut mistakes };
            reading.file(&mut self);
        }
        for (name, value) in variables {
            if let Err(message) = variable(&mut self, &name, value) {
                mistakes.push(Mistake { place: Place::Variable(name), message });
            }
        }
        if mistakes.is_empty() { Ok(self) } else { Err(Error::Mistakes(mistakes)) }
    }
}

/// A file that is being read.
struct Reading<'a> {
    path: &'a Path,
    text: &'a str,
    mistakes: &'a mut Vec<Mistake>,
}

impl Reading<'_> {
    fn file(&mut self, config: &mut Config) {
        match DeTable::parse(self.text) {
            Ok(table) => {
                self.table(config, "", table.get_ref());
                self.checks(config);
            }
            Err(error) => {
                let start = error.span().map_or(0, |span| span.start);
                self.mistake(start, error.message().to_owned());
            }
        }
    }

    /// Checks have names of the user's: no table of keys knows them.
    fn checks(&mut self, config: &mut Config) {
        #[derive(serde::Deserialize)]
        struct File {
            #[serde(default)]
            checks: BTreeMap<String, Spanned<Check>>,
        }
        match toml::from_str::<File>(self.text) {
            Err(error) => {
                let start = error.span().map_or(0, |span| span.start);
                self.mistake(start, format!("{CHECKS}: {}", error.message()));
            }
            Ok(file) => {
                for (name, check) in file.checks {
                    if let Err(complaint) = check.get_ref().build(&name) {
                        let message = format!("{CHECKS}.{name}: {complaint}");
                        self.mistake(check.span().start, message);
                    }
                    config.checks.insert(name, check.into_inner());
                }
            }
        }
    }

    fn table(&mut self, config: &mut Config, section: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            if section.is_empty() && name.get_ref() == CHECKS {
                continue;
            }
            let path = match section {
                "" => name.get_ref().to_string(),
                section => format!("{section}.{}", name.get_ref()),
            };
            let several = match path.as_str() {
                "brokers" => Some(brokers::read_brokers(config, value)),
                "routes" => Some(brokers::read_routes(config, value)),
                _ => None,
            };
            if let Some(wrong) = several {
                wrong.into_iter().for_each(|(start, message)| self.mistake(start, message));
            } else if let Some(key) = Key::named(&path) {
                if let Err(complaint) = key.set(config, given(value.get_ref())) {
                    let shown = key.shown(self.written(value));
                    self.mistake(value.span().start, format!("{path}: {shown} {complaint}"));
                }
            } else if !is_section(&path) {
                let message = unknown(&path, section, name.get_ref(), value.get_ref());
                self.mistake(name.span().start, message);
            } else if let DeValue::Table(table) = value.get_ref() {
                self.table(config, &path, table);
            } else {
                let complaint = format!("is no section; write [{path}] above its keys");
                let message = format!("{path}: {} {complaint}", self.written(value));
                self.mistake(value.span().start, message);
            }
        }
    }

    fn written(&self, value: &Spanned<DeValue<'_>>) -> &str {
        self.text.get(value.span()).unwrap_or_default()
    }

    fn mistake(&mut self, start: usize, message: String) {
        let before = self.text.get(..start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        let line = before.matches('\n').count() + 1;
        let column = before[line_start..].chars().count() + 1;
        let place = Place::File { path: PathBuf::from(self.path), line, column };
        self.mistakes.push(Mistake { place, message });
    }
}

fn given(value: &DeValue<'_>) -> Given {
    match value {
        DeValue::String(text) => Given::Text(text.to_string()),
        DeValue::Boolean(switch) => Given::Switch(*switch),
        DeValue::Integer(number) => {
            Given::Number(u64::from_str_radix(number.as_str(), number.radix()).ok())
        }
        DeValue::Array(values) => {
            let texts = values.iter().map(|value| value.get_ref().as_str().map(str::to_owned));
            Given::List(texts.collect())
        }
        _ => Given::Other,
    }
}

fn is_section(path: &str) -> bool {
    KEYS.iter().any(|key| key.split().0 == path)
}

/// The names that are allowed in a section, the sections among them at the top.
fn names_in(section: &str) -> Vec<&'static str> {
    let mut names = Vec::new();
    for key in KEYS {
        match key.split() {
            (within, name) if within == section => names.push(name),
            (within, _) if section.is_empty() && !names.contains(&within) => names.push(within),
            _ => {}
        }
    }
    if section.is_empty() {
        names.extend(["brokers", "routes"]);
    }
    names
}

fn unknown(path: &str, section: &str, name: &str, value: &DeValue<'_>) -> String {
    let names = names_in(section);
    let alike = names.iter().copied().filter(|name| is_section(name) == value.is_table());
    let meant = nearest(name, alike);
    let meant = meant.map(|meant| format!(" did you mean `{meant}`?")).unwrap_or_default();
    format!("unknown key `{path}`;{meant} keys here: {}", names.join(", "))
}

fn variable(config: &mut Config, name: &str, value: String) -> Result<(), String> {
    if !name.starts_with(PREFIX) || OTHERS.contains(&name) || name.starts_with(OTHERS_PREFIX) {
        return Ok(());
    }
    if let Some(key) = KEYS.iter().find(|key| key.variable() == name) {
        let shown = format!("{:?}", key.shown(&value));
        return key
            .set(config, Given::Variable(value))
            .map_err(|complaint| format!("{shown} {complaint}"));
    }
    if let Some(broker) = name.strip_prefix(BROKERS).and_then(|rest| rest.strip_suffix("__URL")) {
        return brokers::set_broker(config, &broker.to_lowercase(), &value);
    }
    let names: Vec<_> = KEYS.iter().map(Key::variable).collect();
    let names = names.iter().map(String::as_str);
    Err(match nearest(name, names.clone()) {
        Some(meant) => format!("sets nothing; did you mean {meant}?"),
        None => format!("sets nothing; known are {}", names.collect::<Vec<_>>().join(", ")),
    })
}

#[cfg(test)]
mod tests;
