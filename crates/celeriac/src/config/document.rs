//! A configuration as a file for people: every key, with what it is.

use super::Config;
use super::keys::KEYS;

impl Config {
    /// This configuration as a TOML file with a comment for every key; keys
    /// without a value are commented out, and passwords in addresses are `***`.
    /// [`Config::load`] reads it again, and refuses such a password.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut config = self.clone();
        let mut text = String::new();
        let mut current = "";
        for key in KEYS {
            let (section, name) = key.split();
            if section != current {
                text.push_str(&format!("\n[{section}]\n"));
                current = section;
            }
            let line = match key.value(&mut config) {
                Some(value) => format!("{name} = {value}"),
                None => format!("# {name} = {:?}", key.example()),
            };
            text.push_str(&format!("# {}\n{line}\n", key.about));
        }
        config.brokers_to_toml(&mut text);
        for (name, check) in &self.checks {
            // Words, numbers and lists: they always have a TOML form.
            let check = toml::to_string(check).unwrap_or_default();
            let name = toml::Value::from(name.as_str());
            text.push_str(&format!("\n[checks.{name}]\n{check}"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use celeriac_core::Address;

    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let mut config = Config { broker: Address::from("./a \"b\""), ..Config::default() };
        config.worker.queues = vec!["a".to_owned(), "b".to_owned()];
        config.tasks.time_limit = Some(Duration::from_millis(1500));
        config.store = Some(Address::from("./state"));
        config.backlog.when_full = crate::config::WhenFull::Refuse;
        let eu = crate::config::NamedBroker { url: Address::from("memory://") };
        config.brokers.insert("eu 1".to_owned(), eu);
        config.routes.push(crate::config::Route {
            header: Some("tenant=a*".to_owned()),
            brokers: vec!["eu 1".to_owned(), "default".to_owned()],
            ..crate::config::Route::default()
        });
        let check = "kind = \"tcp\"\naddress = \"bank:443\"\nevery = \"1m\"\nguards = [\"pay\"]";
        config.checks.insert("the bank".to_owned(), toml::from_str(check).unwrap());
        for config in [Config::default(), config] {
            let text = config.to_toml();
            assert_eq!(toml::from_str::<Config>(&text).unwrap(), config, "{text}");
        }
    }

    #[test]
    fn every_field_has_a_key() {
        let mut config = Config { store: Some("memory://".into()), ..Config::default() };
        config.tasks.soft_time_limit = Some(Duration::from_secs(1));
        config.tasks.time_limit = Some(Duration::from_secs(1));
        let mut fields = Vec::new();
        for (name, value) in toml::Table::try_from(&config).unwrap() {
            match value {
                toml::Value::Table(section) => {
                    fields.extend(section.keys().map(|key| format!("{name}.{key}")));
                }
                _ => fields.push(name),
            }
        }
        let mut keys: Vec<_> = KEYS.iter().map(|key| key.name.to_owned()).collect();
        keys.sort_unstable();
        fields.sort_unstable();
        assert_eq!(keys, fields);
    }

    #[test]
    fn a_limit_that_is_not_set_is_shown_as_a_comment() {
        let text = Config::default().to_toml();
        assert!(text.starts_with("# Where messages wait"), "{text}");
        assert!(text.contains("\n[tasks]\n# How often"), "{text}");
        assert!(text.contains("never.\n# time_limit = \"10m\"\n"), "{text}");
    }

    #[test]
    fn passwords_are_not_written() {
        let store = Some(Address::from("redis://:hunter2@cache"));
        let config =
            Config { broker: "amqp://ann:hunter2@rabbit".into(), store, ..Config::default() };
        let shown =
            [config.to_toml(), format!("{config:?}"), serde_json::to_string(&config).unwrap()];
        for text in shown {
            assert!(!text.contains("hunter2"), "{text}");
            assert!(text.contains("redis://:***@cache"), "{text}");
        }
    }
}
