//! What a canvas means, step after step, without messages, stores or crashes.

use std::collections::BTreeMap;

use celeriac_core::HeaderValue;
use celeriac_core::workflow::{Canvas, Each, Items, JsonPath, Policy, Shape, Signature, Stage};

use super::condition::{holds, lookup};
use super::tasks::{Ran, run, text};

/// A result, or nothing.
pub type Ended = Result<Option<HeaderValue>, Fault>;

/// Why a part failed.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// The task that failed, or what else did.
    pub task: String,
    /// The kind of failure.
    pub kind: String,
    /// What the task said; empty where something else failed.
    pub message: String,
    /// Where in the canvas.
    pub path: Vec<String>,
}

impl Fault {
    fn value(&self) -> HeaderValue {
        let text = |text: &str| HeaderValue::from(text);
        let failure = [("kind", text(&self.kind)), ("message", text(&self.message))];
        let path = self.path.iter().map(|segment| text(segment)).collect();
        let error = [
            ("task", text(&self.task)),
            ("failure", map(failure)),
            ("path", HeaderValue::List(path)),
        ];
        map(error)
    }
}

fn map<const N: usize>(entries: [(&str, HeaderValue); N]) -> HeaderValue {
    let entries = entries.into_iter().map(|(name, value)| (name.to_owned(), value));
    HeaderValue::Map(entries.collect())
}

/// Says what must happen.
#[derive(Debug, Default)]
pub struct Interpreter {
    /// Which member closed a group that failed fast, by the group's path.
    closed_by: BTreeMap<String, usize>,
    /// Whether what is broken is mended.
    mended: bool,
    /// Every run that must be.
    pub runs: Vec<String>,
    /// Every run over a list in one command that must be.
    pub sweeps: Vec<String>,
    /// Every run that may be: of members that are cancelled.
    pub optional: Vec<String>,
    /// Claims about who closed a group that can't be true.
    pub wrong: Vec<String>,
    cancelled: usize,
}

impl Interpreter {
    /// `closed_by` says which member closed a group that failed fast, by the
    /// group's path joined by `/`; `mended`, whether what is broken was mended.
    #[must_use]
    pub fn new(closed_by: BTreeMap<String, usize>, mended: bool) -> Self {
        Self { closed_by, mended, ..Self::default() }
    }

    fn call(&mut self, task: &str, arguments: &[HeaderValue], each: Option<Each>) -> Ran {
        let entry = format!("{task}{}", text(arguments));
        let runs = match (task, self.cancelled, each) {
            ("late", ..) => return run(task, arguments, each, self.mended),
            (_, 0, None) => &mut self.runs,
            (_, 0, Some(_)) => &mut self.sweeps,
            _ => &mut self.optional,
        };
        runs.push(entry);
        run(task, arguments, each, self.mended)
    }

    /// Runs a signature where it stands.
    fn task(
        &mut self,
        signature: &Signature,
        each: Option<Each>,
        input: Option<HeaderValue>,
        path: &[String],
    ) -> Ended {
        let mut arguments = signature.arguments.args.clone();
        if let Some(input) = input.filter(|_| !signature.immutable) {
            arguments.insert(0, input);
        }
        match self.call(signature.task.as_str(), &arguments, each) {
            Ran::Value(value) => Ok(Some(value)),
            Ran::Failed(kind, message) => Err(fault(signature.task.as_str(), kind, &message, path)),
            Ran::Replaced(canvas) => self.canvas(&canvas, None, &at(path, "replace")),
        }
    }

    /// What a canvas must come to, given its input and where it stands.
    pub fn canvas(
        &mut self,
        canvas: &Canvas,
        input: Option<HeaderValue>,
        path: &[String],
    ) -> Ended {
        let ended = self.shape(&canvas.shape, input, path);
        let (callbacks, name, value) = match &ended {
            Ok(value) => (&canvas.link, "link", value.clone()),
            Err(fault) => (&canvas.on_error, "on_error", Some(fault.value())),
        };
        for (index, callback) in callbacks.iter().enumerate() {
            let path = at(path, &format!("{name}[{index}]"));
            // Whatever becomes of it, the canvas goes on.
            let _ = self.task(callback, None, value.clone(), &path);
        }
        ended
    }

    fn shape(&mut self, shape: &Shape, input: Option<HeaderValue>, path: &[String]) -> Ended {
        match shape {
            Shape::Task(signature) => self.task(signature, None, input, path),
            Shape::Chain(steps) => self.chain(steps.iter(), input, path),
            Shape::Group { members, policy } => {
                let members = Vec::from_iter(members);
                self.group(*policy, members.len(), path, &mut |own, index, path| {
                    own.canvas(members[index], input.clone(), path)
                })
            }
            Shape::Chord { members, policy, body } => {
                let group = Shape::Group { members: members.clone(), policy: *policy }.into();
                self.chain([&group, &**body].into_iter(), input, path)
            }
            Shape::Map { signature, items, each, policy } => {
                self.map(signature, (items, *each), *policy, input, path)
            }
            Shape::Sweep { signature, items, each } => {
                self.sweep(signature, items, *each, input, path)
            }
            Shape::Chunks { signature, items, each, size, policy } => {
                let chunks = self.items(items, input.as_ref(), "chunks", path)?;
                let chunks = Vec::from_iter(chunks.chunks(*size as usize));
                self.group(*policy, chunks.len(), path, &mut |own, index, path| {
                    let chunk = HeaderValue::List(chunks[index].to_vec());
                    own.given(signature, vec![chunk], Some(*each), path)
                })
            }
            Shape::Fork { branches, policy } => {
                let list = self.members("fork", *policy, branches.len(), path, &mut {
                    |own: &mut Self, index: usize, path: &[String]| {
                        own.canvas(&branches[index].1, input.clone(), path)
                    }
                })?;
                let names = branches.iter().map(|(name, _)| name.clone());
                Ok(Some(HeaderValue::Map(names.zip(list).collect())))
            }
            Shape::Dag { stages, policy } => self.dag(stages, *policy, &input, path),
            Shape::Switch { cases, otherwise } => {
                let value = input.clone().unwrap_or(HeaderValue::Null);
                let chosen = cases.iter().position(|(condition, _)| holds(condition, &value));
                let branch = match chosen {
                    Some(index) => Some((index, &cases[index].1)),
                    None => otherwise.as_deref().map(|branch| (cases.len(), branch)),
                };
                match branch {
                    None => Ok(input),
                    Some((index, branch)) => {
                        self.canvas(branch, input, &at(path, &format!("switch[{index}]")))
                    }
                }
            }
            Shape::Loop { body, until, max } => {
                let mut value = input;
                for round in 0..*max {
                    value = self.canvas(body, value, &at(path, &format!("loop[{round}]")))?;
                    if holds(until, value.as_ref().unwrap_or(&HeaderValue::Null)) {
                        return Ok(value);
                    }
                }
                Err(fault("loop", "loop", "", path))
            }
        }
    }

    /// Steps in topological order; one whose need has failed fails with it.
    fn dag(
        &mut self,
        stages: &[Stage],
        policy: Policy,
        input: &Option<HeaderValue>,
        path: &[String],
    ) -> Ended {
        let mut results: BTreeMap<&str, Ended> = BTreeMap::new();
        while let Some(stage) = stages.iter().find(|stage| {
            !results.contains_key(stage.name.as_str())
                && stage.needs.iter().all(|need| results.contains_key(need.as_str()))
        }) {
            let gets = match stage.needs.as_slice() {
                [] => Ok(input.clone()),
                [need] => results[need.as_str()].clone(),
                needs => gather(needs.iter().map(|need| (need.as_str(), &results[need.as_str()]))),
            };
            let name = stage.name.as_str();
            let ended = gets.and_then(|gets| {
                self.canvas(&stage.canvas, gets, &at(path, &format!("dag[{name}]")))
            });
            let ended = if stage.settle { Ok(Some(settled(ended))) } else { ended };
            results.insert(name, ended);
        }
        assert_eq!(results.len(), stages.len(), "a cycle");
        let needed = |name: &String| stages.iter().any(|stage| stage.needs.contains(name));
        let outputs = stages.iter().filter(|stage| !needed(&stage.name));
        let outputs = Vec::from_iter(outputs.map(|stage| {
            let ended = results[stage.name.as_str()].clone();
            let ended = if policy == Policy::Settle { Ok(Some(settled(ended))) } else { ended };
            (stage.name.as_str(), ended)
        }));
        match outputs.as_slice() {
            [(_, only)] if policy != Policy::Settle => only.clone(),
            outputs => gather(outputs.iter().map(|(name, ended)| (*name, ended))),
        }
    }

    fn chain<'a>(
        &mut self,
        steps: impl Iterator<Item = &'a Canvas>,
        input: Option<HeaderValue>,
        path: &[String],
    ) -> Ended {
        let mut value = input;
        for (index, step) in steps.enumerate() {
            value = self.canvas(step, value, &at(path, &format!("chain[{index}]")))?;
        }
        Ok(value)
    }

    fn map(
        &mut self,
        signature: &Signature,
        (items, each): (&Items, Each),
        policy: Policy,
        input: Option<HeaderValue>,
        path: &[String],
    ) -> Ended {
        let items = self.items(items, input.as_ref(), "map", path)?;
        let is_list = |item: &HeaderValue| matches!(item, HeaderValue::List(_));
        if each == Each::Star && !items.iter().all(is_list) {
            return Err(fault("map", "map", "", path));
        }
        self.group(policy, items.len(), path, &mut |own, index, path| {
            let first = match (&items[index], each) {
                (HeaderValue::List(first), Each::Star) => first.clone(),
                (item, _) => vec![item.clone()],
            };
            own.given(signature, first, None, path)
        })
    }

    fn sweep(
        &mut self,
        signature: &Signature,
        items: &Items,
        each: Each,
        input: Option<HeaderValue>,
        path: &[String],
    ) -> Ended {
        let input = match items {
            Items::Given(items) => {
                let list = HeaderValue::List(items.clone());
                return self.given(signature, vec![list], Some(each), path);
            }
            Items::Input(place) if *place == JsonPath::WHOLE => input,
            Items::Input(place) => {
                let found = lookup(place, input.as_ref().unwrap_or(&HeaderValue::Null)).cloned();
                let missing = || fault(signature.task.as_str(), "arguments", "", path);
                Some(found.ok_or_else(missing)?)
            }
        };
        let signature = Signature { immutable: false, ..signature.clone() };
        self.task(&signature, Some(each), input, path)
    }

    /// A task with these arguments in front of its own.
    fn given(
        &mut self,
        signature: &Signature,
        mut first: Vec<HeaderValue>,
        each: Option<Each>,
        path: &[String],
    ) -> Ended {
        let mut signature = signature.clone();
        first.append(&mut signature.arguments.args);
        signature.arguments.args = first;
        self.task(&signature, each, None, path)
    }

    fn items(
        &mut self,
        items: &Items,
        input: Option<&HeaderValue>,
        name: &str,
        path: &[String],
    ) -> Result<Vec<HeaderValue>, Fault> {
        match items {
            Items::Given(items) => Ok(items.clone()),
            Items::Input(place) => match input.and_then(|input| lookup(place, input)) {
                Some(HeaderValue::List(items)) => Ok(items.clone()),
                _ => Err(fault(name, "map", "", path)),
            },
        }
    }

    fn group(
        &mut self,
        policy: Policy,
        width: usize,
        path: &[String],
        member: &mut dyn FnMut(&mut Self, usize, &[String]) -> Ended,
    ) -> Ended {
        self.members("group", policy, width, path, member).map(|list| Some(HeaderValue::List(list)))
    }

    /// The results of all members, or the failure of the group.
    fn members(
        &mut self,
        name: &str,
        policy: Policy,
        width: usize,
        path: &[String],
        member: &mut dyn FnMut(&mut Self, usize, &[String]) -> Ended,
    ) -> Result<Vec<HeaderValue>, Fault> {
        let place = |index: usize| at(path, &format!("{name}[{index}]"));
        // Members of a group that failed fast may end, begin, or neither; but
        // the one that closed it.
        let closed_by = match policy {
            Policy::FailFast => self.closed_by.get(&path.join("/")).copied(),
            _ => None,
        };
        let (mut list, mut failed) = (Vec::new(), None);
        for index in 0..width {
            let cancelled = usize::from(closed_by.is_some_and(|closer| closer != index));
            self.cancelled += cancelled;
            let ended = member(self, index, &place(index));
            self.cancelled -= cancelled;
            match (ended, policy) {
                (Ok(value), Policy::Settle) => {
                    list.push(map([("value", value.unwrap_or(HeaderValue::Null))]));
                }
                (Err(fault), Policy::Settle) => list.push(map([("error", fault.value())])),
                (Ok(value), _) => list.push(value.unwrap_or(HeaderValue::Null)),
                (Err(fault), Policy::FailFast) => {
                    if closed_by.is_none_or(|closer| closer == index) {
                        failed.get_or_insert((index, fault));
                    }
                }
                (Err(fault), Policy::WaitAll) => {
                    failed.get_or_insert((index, fault));
                }
            }
        }
        if let Some(closer) = closed_by
            && failed.is_none()
        {
            self.wrong.push(format!("member {closer} at {path:?} can't have failed the group"));
        }
        failed.map_or(Ok(list), |(_, fault)| Err(fault))
    }
}

/// A map of results by name; or the first error.
fn gather<'a>(results: impl Iterator<Item = (&'a str, &'a Ended)>) -> Ended {
    let mut map = BTreeMap::new();
    for (name, ended) in results {
        map.insert(name.to_owned(), ended.clone()?.unwrap_or(HeaderValue::Null));
    }
    Ok(Some(HeaderValue::Map(map)))
}

fn settled(ended: Ended) -> HeaderValue {
    match ended {
        Ok(value) => map([("value", value.unwrap_or(HeaderValue::Null))]),
        Err(fault) => map([("error", fault.value())]),
    }
}

fn at(path: &[String], segment: &str) -> Vec<String> {
    [path, &[segment.to_owned()]].concat()
}

fn fault(task: &str, kind: &str, message: &str, path: &[String]) -> Fault {
    let (task, kind, message) = (task.to_owned(), kind.to_owned(), message.to_owned());
    Fault { task, kind, message, path: path.to_vec() }
}
