//! What holds for circuit breakers: `[breakers]`.

use std::time::Duration;

use celeriac_core::health::HealthStatus;
use celeriac_engine::breaker::{Alarm, Growth, Options, Rule};
use serde::{Deserialize, Serialize};

use super::duration;

/// When circuits open, and for how long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Breakers {
    /// Whether tasks have a breaker unless they say otherwise. Default true.
    pub tasks: bool,
    /// How many failures, without a success between them, open a circuit: of
    /// a task, unexpected ones of different messages. Default 3.
    pub failures: u32,
    /// Which findings of checks open it. Default 2 unhealthy, or 10 degraded,
    /// within 10 s.
    #[serde(with = "rules")]
    pub rules: Vec<Rule>,
    /// How long it stays open the first time. Default 30 s.
    #[serde(with = "duration")]
    pub open_for: Duration,
    /// How that grows when it opens again: constant, linear, exponential.
    /// Default constant.
    #[serde(with = "growth")]
    pub growth: Growth,
    /// How long it stays open at the most. Default 10 min.
    #[serde(with = "duration")]
    pub open_for_at_most: Duration,
    /// How many trips … Default 3.
    pub alarm_trips: usize,
    /// … within which time are logged as errors instead of warnings. Default 5 min.
    #[serde(with = "duration")]
    pub alarm_within: Duration,
    /// After how long without that many they are warnings again. Default 30 min.
    #[serde(with = "duration")]
    pub alarm_calm: Duration,
}

impl Default for Breakers {
    fn default() -> Self {
        let Options { failures, rules, open_for, growth, open_for_at_most, alarm } =
            Options::default();
        Self {
            tasks: true,
            failures,
            rules,
            open_for,
            growth,
            open_for_at_most,
            alarm_trips: alarm.trips,
            alarm_within: alarm.within,
            alarm_calm: alarm.calm,
        }
    }
}

/// A connection is tried again soon, and no more seldom than this: a try costs
/// little, and nothing is run before it succeeds.
const CONNECTION: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(5));

impl Breakers {
    /// The same, for the breaker of a connection.
    pub(crate) fn of_connections(&self) -> Options {
        let (open_for, open_for_at_most) = CONNECTION;
        Options { open_for, open_for_at_most, growth: Growth::Exponential, ..self.options() }
    }

    /// The same, for a breaker.
    pub(crate) fn options(&self) -> Options {
        Options {
            failures: self.failures,
            rules: self.rules.clone(),
            open_for: self.open_for,
            growth: self.growth,
            open_for_at_most: self.open_for_at_most,
            alarm: Alarm {
                trips: self.alarm_trips,
                within: self.alarm_within,
                calm: self.alarm_calm,
            },
        }
    }
}

const GROWTHS: [(&str, Growth); 3] = [
    ("constant", Growth::Constant),
    ("linear", Growth::Linear),
    ("exponential", Growth::Exponential),
];

pub(super) fn growth_of(text: &str) -> Result<Growth, String> {
    let found = GROWTHS.into_iter().find(|(word, _)| *word == text);
    let complaint = || "is neither \"constant\" nor \"linear\" nor \"exponential\"".to_owned();
    found.map(|(_, growth)| growth).ok_or_else(complaint)
}

pub(super) fn growth_word(growth: Growth) -> &'static str {
    GROWTHS.into_iter().find(|(_, known)| *known == growth).map_or("constant", |(word, _)| word)
}

/// A rule as people write it: `2 unhealthy within 10s`.
pub(super) fn rule_of(text: &str) -> Result<Rule, String> {
    let complaint = || format!("`{text}` is no rule such as \"2 unhealthy within 10s\"");
    let words: Vec<_> = text.splitn(4, ' ').collect();
    let [times, status, "within", within] = words[..] else { return Err(complaint()) };
    let times = times.parse().ok().filter(|times| *times > 0).ok_or_else(complaint)?;
    let status: HealthStatus = status.parse().map_err(|_| complaint())?;
    let within = humantime::parse_duration(within).map_err(|_| complaint())?;
    Ok(Rule { times, status, within })
}

pub(super) fn rule_text(Rule { times, status, within }: &Rule) -> String {
    format!("{times} {status} within {}", humantime::format_duration(*within))
}

mod rules {
    use celeriac_engine::breaker::Rule;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(rules: &[Rule], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(rules.iter().map(super::rule_text))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Rule>, D::Error> {
        let texts = Vec::<String>::deserialize(from)?;
        let rules = texts.iter().map(|text| super::rule_of(text));
        rules.collect::<Result<_, _>>().map_err(de::Error::custom)
    }
}

mod growth {
    use celeriac_engine::breaker::Growth;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(growth: &Growth, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(super::growth_word(*growth))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Growth, D::Error> {
        super::growth_of(&String::deserialize(from)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_as_people_write_them() {
        let (times, within) = (2, Duration::from_secs(10));
        let rule = Rule { times, status: HealthStatus::Unhealthy, within };
        assert_eq!(rule_of("2 unhealthy within 10s"), Ok(rule));
        assert_eq!(rule_of(&rule_text(&rule)), Ok(rule));
        let wrong = ["", "2 sick within 10s", "0 unhealthy within 1s", "2 unhealthy in 1s"];
        for text in wrong {
            assert!(rule_of(text).unwrap_err().contains("is no rule such as"), "{text}");
        }
    }
}
