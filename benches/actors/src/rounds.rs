//! Runs all measurements, each in a process of its own, the frameworks in turn
//! within each round, so that noise hits all alike.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use serde::Serialize;

use crate::case::{Case, Size};
use crate::figure::{Figure, Measured};
use crate::frameworks::Name;
use crate::goal::Goal;

pub struct Plan {
    pub size: Size,
    pub cases: Vec<Case>,
    pub frameworks: Vec<Name>,
}

impl Plan {
    pub fn new(size: Size) -> Self {
        let cases = Case::value_variants().to_vec();
        Plan { size, cases, frameworks: Name::value_variants().to_vec() }
    }
}

/// Everything that was measured.
pub struct Results {
    pub size: Size,
    pub frameworks: Vec<Name>,
    /// By framework title and figure, in the order of the rounds.
    series: BTreeMap<(&'static str, Figure), Vec<f64>>,
    missing: Vec<Missing>,
}

/// A case that a framework can't do.
#[derive(Clone, Debug, Serialize)]
pub struct Missing {
    framework: &'static str,
    case: String,
    reason: String,
}

pub fn run(plan: &Plan) -> Result<Results> {
    let frameworks = plan.frameworks.clone();
    let mut results =
        Results { size: plan.size, frameworks, series: BTreeMap::new(), missing: Vec::new() };
    for &case in &plan.cases {
        for round in 0..case.rounds(plan.size) {
            for &framework in &plan.frameworks {
                show_progress(&format!("{case:?}, round {}: {}", round + 1, framework.title()))?;
                if !results.is_missing(framework, case) {
                    results.note(framework, case, measure(framework, case, plan.size)?);
                }
            }
        }
    }
    show_progress("")?;
    Ok(results)
}

/// One line on a terminal, which the next one replaces.
fn show_progress(text: &str) -> Result<()> {
    let mut terminal = std::io::stderr();
    if terminal.is_terminal() {
        write!(terminal, "\r{text:<50}\r")?;
        terminal.flush()?;
    }
    Ok(())
}

fn measure(framework: Name, case: Case, size: Size) -> Result<Measured> {
    let program = std::env::current_exe()?;
    let mut command = Command::new(program);
    command.arg("measure").args([name(framework), name(case), name(size)]);
    let output = command.stderr(Stdio::null()).output().context("failed to start a measurement")?;
    ensure!(output.status.success(), "{framework:?} {case:?} ended with {}", output.status);
    serde_json::from_slice(&output.stdout).context("failed to read a measurement")
}

fn name(value: impl ValueEnum) -> String {
    value.to_possible_value().map(|known| known.get_name().to_owned()).unwrap_or_default()
}

impl Results {
    fn is_missing(&self, framework: Name, case: Case) -> bool {
        let case = name(case);
        self.missing.iter().any(|known| known.framework == framework.title() && known.case == case)
    }

    fn note(&mut self, framework: Name, case: Case, measured: Measured) {
        let framework = framework.title();
        match measured {
            Measured::Figures(figures) => {
                for (figure, value) in figures {
                    self.series.entry((framework, figure)).or_default().push(value);
                }
            }
            Measured::Missing(reason) => {
                self.missing.push(Missing { framework, case: name(case), reason });
            }
        }
    }

    pub fn median(&self, framework: Name, figure: Figure) -> Option<f64> {
        let mut values = self.series.get(&(framework.title(), figure))?.clone();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    }

    pub fn least(&self, framework: Name, figure: Figure) -> Option<f64> {
        let values = self.series.get(&(framework.title(), figure))?;
        values.iter().copied().min_by(f64::total_cmp)
    }

    /// What jumpstarter reached of its goal: the value, the goal, whether it is met.
    pub fn reached(&self, figure: Figure) -> Option<(f64, f64, bool)> {
        let ratio = |of: fn(&Self, Name, Figure) -> Option<f64>| {
            Some(of(self, Name::Jumpstarter, figure)? / of(self, Name::Channel, figure)?)
        };
        let (value, goal) = match figure.goal()? {
            Goal::Ratio(goal) => (ratio(Self::median)?, goal),
            Goal::RatioOfLeast(goal) => (ratio(Self::least)?, goal),
            Goal::Value(goal) => (self.median(Name::Jumpstarter, figure)?, goal),
        };
        Some((value, goal, value <= goal))
    }

    pub fn figures(&self) -> impl Iterator<Item = Figure> {
        Figure::ALL.into_iter().filter(|figure| self.series.keys().any(|key| key.1 == *figure))
    }

    pub fn report(&self) -> Report {
        let mut figures = Vec::new();
        for figure in self.figures() {
            for &framework in &self.frameworks {
                figures.extend(self.entry(framework, figure));
            }
        }
        let goals = self.figures().filter_map(|figure| {
            let (reached, goal, met) = self.reached(figure)?;
            Some(Reached { figure: figure.title(), reached, goal, met })
        });
        Report { figures, goals: goals.collect(), missing: self.missing.clone() }
    }

    fn entry(&self, framework: Name, figure: Figure) -> Option<Entry> {
        let median = self.median(framework, figure)?;
        Some(Entry {
            figure: figure.title(),
            framework: framework.title(),
            median,
            least: self.least(framework, figure)?,
            ratio: self.median(Name::Channel, figure).map(|yardstick| median / yardstick),
            values: self.series.get(&(framework.title(), figure))?.clone(),
        })
    }
}

/// The form for programs.
#[derive(Serialize)]
pub struct Report {
    figures: Vec<Entry>,
    goals: Vec<Reached>,
    missing: Vec<Missing>,
}

#[derive(Serialize)]
struct Entry {
    figure: &'static str,
    framework: &'static str,
    median: f64,
    least: f64,
    /// To the tokio channel; none if that was not measured.
    ratio: Option<f64>,
    values: Vec<f64>,
}

#[derive(Serialize)]
struct Reached {
    figure: &'static str,
    reached: f64,
    goal: f64,
    met: bool,
}
