//! What tasks take and give, as JSON schemas.
//!
//! A type whose [`JsonSchema`] is known says what it is; any other may be
//! anything. Nobody has to derive it: what has no schema is just not checked
//! before it runs.

use std::marker::PhantomData;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::app::App;

/// The schema of what may be anything.
const ANYTHING: Value = Value::Bool(true);

/// What a task takes and gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskSchema {
    /// The task's name.
    pub name: String,
    /// What it takes, in order.
    pub parameters: Vec<Parameter>,
    /// The JSON schema of what a success gives; `true` if it may be anything.
    pub output: Value,
}

/// One argument that a task takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// The JSON schema (draft 2020-12) of its values; `true` if it may be anything.
    pub schema: Value,
}

/// The schemas of a task's arguments, in order, and of its output.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schemas {
    /// One for each argument; fewer if nothing is known of the rest.
    pub arguments: Vec<Value>,
    /// That of the output, if it is known.
    pub output: Option<Value>,
}

impl Schemas {
    pub(crate) fn named(self, name: &str, parameters: &[&str]) -> TaskSchema {
        let mut schemas = self.arguments.into_iter();
        let parameters = parameters.iter().map(|name| Parameter {
            name: (*name).to_owned(),
            schema: schemas.next().unwrap_or(ANYTHING),
        });
        TaskSchema {
            name: name.to_owned(),
            parameters: parameters.collect(),
            output: self.output.unwrap_or(ANYTHING),
        }
    }
}

impl TaskSchema {
    /// What it takes and gives in one line, for people.
    #[must_use]
    pub fn summary(&self) -> String {
        let parameters = self
            .parameters
            .iter()
            .map(|one| format!("{}: {}", one.name, crate::declared::type_of(&one.schema)));
        let parameters: Vec<_> = parameters.collect();
        format!("({}) → {}", parameters.join(", "), crate::declared::type_of(&self.output))
    }
}

impl App {
    /// What the tasks of all workers that are alive take and give, by name.
    /// Waits for at most 2 s.
    ///
    /// # Errors
    /// [`Error::Driver`](crate::Error::Driver) when broker or store fail.
    pub async fn workers_task_schemas(&self) -> Result<Vec<TaskSchema>, crate::Error> {
        let answers = self.inspect(crate::Question::Schemas).await?;
        let mut schemas: Vec<TaskSchema> = Vec::new();
        for answer in answers.into_iter().filter_map(|(_, answer)| answer) {
            schemas.extend(serde_json::from_value::<Vec<TaskSchema>>(answer).unwrap_or_default());
        }
        schemas.sort_by(|one, other| one.name.cmp(&other.name));
        schemas.dedup_by(|one, other| one.name == other.name);
        Ok(schemas)
    }

    /// What the registered tasks take and give, by name.
    #[must_use]
    pub fn task_schemas(&self) -> Vec<TaskSchema> {
        let registry = self.registry();
        let mut schemas: Vec<_> = registry.tasks.iter().map(|task| task.schema()).collect();
        schemas.sort_by(|one, other| one.name.cmp(&other.name));
        schemas
    }
}

/// A type of which the macro asks for its schema: `(&Described::<T>::NEW)` has
/// the methods of [`Known`] if `T` has a schema, else those of [`Unknown`].
#[derive(Debug)]
pub struct Described<T: ?Sized>(PhantomData<fn() -> Box<T>>);

impl<T: ?Sized> Described<T> {
    /// The question.
    pub const NEW: Self = Self(PhantomData);
}

/// A type with a schema.
pub trait Known {
    /// Of values that are read.
    fn read(&self) -> Value;
    /// Of values that are written.
    fn written(&self) -> Value;
}

impl<T: JsonSchema> Known for Described<T> {
    fn read(&self) -> Value {
        let settings = SchemaSettings::draft2020_12().for_deserialize();
        value(settings.into_generator().into_root_schema_for::<T>())
    }

    fn written(&self) -> Value {
        let settings = SchemaSettings::draft2020_12().for_serialize();
        value(settings.into_generator().into_root_schema_for::<T>())
    }
}

/// A type without one.
pub trait Unknown {
    /// Of values that are read.
    fn read(&self) -> Value {
        ANYTHING
    }

    /// Of values that are written.
    fn written(&self) -> Value {
        ANYTHING
    }
}

impl<T: ?Sized> Unknown for &Described<T> {}

fn value(schema: Schema) -> Value {
    let mut value = schema.to_value();
    if let Value::Object(entries) = &mut value {
        // All of them say the same.
        entries.remove("$schema");
    }
    value
}
