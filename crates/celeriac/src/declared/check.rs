//! Checking steps against the tasks that they run: names, how many arguments,
//! and the types of values and of what they need.

use std::collections::BTreeMap;

use celeriac_core::workflow::{JsonPath, Policy};

use super::arguments;
use super::fits::{fits, value_fits};
use super::node::{Entry, Node, Value};
use super::read::Step;
use super::reading::did_you_mean;
use super::value_type::Type;
use super::{Mistake, Tasks};
use crate::schema::TaskSchema;

/// Checks steps in an order in which each comes after what it needs.
pub(super) fn steps(steps: &[Step], order: &[usize], tasks: &Tasks, mistakes: &mut Vec<Mistake>) {
    if tasks.is_empty() {
        return;
    }
    let mut results: BTreeMap<&str, Type> = BTreeMap::new();
    for step in order.iter().map(|number| &steps[*number]) {
        let result = |id: &String| results.get(id.as_str()).cloned().unwrap_or(Type::Anything);
        let input = match step.needs.as_slice() {
            [] => Type::Null,
            [(only, _)] => result(only),
            several => Type::object(several.iter().map(|(id, _)| (id.as_str(), result(id)))),
        };
        let given = Checked { step, input, mistakes }.check(tasks);
        results.insert(&step.id, given);
    }
}

struct Checked<'a> {
    step: &'a Step,
    input: Type,
    mistakes: &'a mut Vec<Mistake>,
}

impl Checked<'_> {
    /// What the step gives, if `when` holds.
    fn check(mut self, tasks: &Tasks) -> Type {
        let step = self.step;
        if let Some((_, reference, at)) = &step.when
            && let Err(why) = self.input.at(&reference.within)
        {
            self.mistakes.push(Mistake::new(*at, format!("{}: {why}", reference.written)));
        }
        let item = self.item();
        let name = step.signature.task.as_str();
        let Some(task) = tasks.get(name) else {
            let hint = did_you_mean(name, tasks.keys().map(String::as_str));
            let message = format!("unknown task `{name}`{hint}");
            self.mistakes.push(Mistake::new(step.task_at, message));
            return Type::Anything;
        };
        self.arguments(task, item);
        let mut output = Type::of(&task.output);
        if step.foreach.is_some() {
            let one = if step.policy == Policy::Settle { output.settled() } else { output };
            output = Type::List(Box::new(one));
        }
        match step.policy {
            Policy::Settle if step.foreach.is_none() => output.settled(),
            _ => output,
        }
    }

    /// What one task of a `foreach` gets first.
    fn item(&mut self) -> Option<Type> {
        let (reference, at) = self.step.foreach.as_ref()?;
        let list = self.input.at(&reference.within).and_then(|found| match found {
            Type::Anything => Ok(Type::Anything),
            Type::List(item) => Ok(*item),
            Type::Tuple(items) => Ok(Type::one_of(items)),
            // One of them may be a list.
            Type::OneOf(types) => types
                .into_iter()
                .find_map(|ty| if let Type::List(item) = ty { Some(*item) } else { None })
                .ok_or_else(|| "there is no list".to_owned()),
            other => Err(format!("this is {other}; `foreach` goes over a list")),
        });
        match list {
            Ok(item) => Some(item),
            Err(why) => {
                let message = format!("{}: {why}", reference.written);
                self.mistakes.push(Mistake::new(*at, message));
                Some(Type::Anything)
            }
        }
    }

    fn arguments(&mut self, task: &TaskSchema, item: Option<Type>) {
        let (step, name) = (self.step, &task.name);
        let gets = item.or_else(|| step.gets_input().then(|| self.input.clone()));
        let before = usize::from(gets.is_some());
        let names: Vec<_> = task.parameters.iter().map(|one| one.name.as_str()).collect();
        let takes = format!("it takes ({})", names.join(", "));
        if let Some(gets) = gets {
            match task.parameters.first() {
                Some(first) => {
                    if let Err(why) = fits(&gets, &Type::of(&first.schema)) {
                        let message = format!(
                            "what comes in does not fit `{}` of `{name}`: {why}",
                            first.name
                        );
                        self.mistakes.push(Mistake::new(step.task_at, message));
                    }
                }
                None => {
                    let message = format!(
                        "`{name}` gets what the step needs, but takes nothing; add \
                         `immutable = true`"
                    );
                    self.mistakes.push(Mistake::new(step.task_at, message));
                    return;
                }
            }
        }
        let rest = task.parameters.get(before..).unwrap_or_default();
        let mut given = Vec::new();
        match step.args.as_ref().map(|node| (node, &node.value)) {
            Some((node, Value::List(items))) => {
                if items.len() > rest.len() {
                    let count = items.len() + before;
                    let at = items.get(rest.len()).map_or(node.at, |item| item.at);
                    let message = format!("`{name}` gets {count} arguments, but {takes}");
                    self.mistakes.push(Mistake::new(at, message));
                }
                for (item, parameter) in items.iter().zip(rest) {
                    self.argument(item, &Type::of(&parameter.schema));
                    given.push(parameter.name.as_str());
                }
            }
            Some((_, Value::Table(entries))) => {
                for Entry { key, at, node } in entries {
                    given.push(key.as_str());
                    match rest.iter().find(|parameter| parameter.name == *key) {
                        Some(parameter) => self.argument(node, &Type::of(&parameter.schema)),
                        None => {
                            let names = rest.iter().map(|one| one.name.as_str());
                            let hint = did_you_mean(key, names);
                            let message =
                                format!("`{name}` takes no more argument `{key}`; {takes}{hint}");
                            self.mistakes.push(Mistake::new(*at, message));
                        }
                    }
                }
            }
            _ => {}
        }
        for parameter in rest.iter().filter(|one| !given.contains(&one.name.as_str())) {
            if !Type::of(&parameter.schema).is_optional() {
                let message = format!("`{name}` lacks its argument `{}`; {takes}", parameter.name);
                self.mistakes.push(Mistake::new(step.task_at, message));
            }
        }
    }

    fn argument(&mut self, node: &Node, taken: &Type) {
        let (step, input) = (self.step, &self.input);
        let mut reference = |node: &Node| {
            // What is wrong with the reference itself was said before.
            let reference = arguments::reference(node, &step.needs, &mut Vec::new())?;
            let within: &JsonPath = &reference.within;
            Some(input.at(within))
        };
        value_fits(node, taken, &mut reference, self.mistakes);
    }
}
