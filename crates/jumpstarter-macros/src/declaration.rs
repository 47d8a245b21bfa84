//! What an actor's impl declares, read and checked.

use quote::ToTokens;
use syn::{Attribute, GenericParam, Ident, ImplItem, ImplItemFn, ItemImpl};

use crate::arguments::{
    self, ActorArguments, HandlerArguments, ReleaseArguments, ResourceArguments, TaskArguments,
};
use crate::bound::{Group, Otherwise};
use crate::callable::{Argument, Callable, place};
use crate::hooks::{Hook, Kind};
use crate::lifecycle;

pub(crate) struct Declaration {
    /// The impl without our attributes.
    pub(crate) item: ItemImpl,
    pub(crate) arguments: ActorArguments,
    pub(crate) handlers: Vec<Handler>,
    pub(crate) after_batch: Option<Callable>,
    pub(crate) started: Option<Callable>,
    pub(crate) stopped: Option<Callable>,
    pub(crate) child_failed: Option<Callable>,
    pub(crate) dependencies: Vec<Callable>,
    pub(crate) resources: Vec<Resource>,
    pub(crate) releases: Vec<Release>,
    pub(crate) tasks: Vec<Task>,
    pub(crate) hooks: Vec<Hook>,
}

pub(crate) struct Handler {
    pub(crate) callable: Callable,
    pub(crate) message: syn::Type,
    pub(crate) crash_on_error: bool,
    /// The states it is bound to; none for any.
    pub(crate) states: Vec<Vec<Ident>>,
    pub(crate) otherwise: Option<Otherwise>,
}

pub(crate) struct Resource {
    pub(crate) callable: Callable,
    pub(crate) arguments: ResourceArguments,
}

pub(crate) struct Release {
    pub(crate) callable: Callable,
    pub(crate) arguments: ReleaseArguments,
}

pub(crate) struct Task {
    pub(crate) callable: Callable,
    pub(crate) arguments: TaskArguments,
}

const KNOWN: [&str; 16] = [
    "handler",
    "after_batch",
    "started",
    "stopped",
    "child_failed",
    "depends_on",
    "resource",
    "release",
    "task",
    "prepare",
    "condition",
    "before",
    "on_exit",
    "on_enter",
    "after",
    "finalize",
];

impl Declaration {
    /// Reads the impl. All mistakes are reported together.
    pub(crate) fn read(mut item: ItemImpl, arguments: ActorArguments) -> syn::Result<Self> {
        check_impl(&item)?;
        let mut mistakes: Option<syn::Error> = None;
        let mut found = Vec::new();
        for entry in &mut item.items {
            let ImplItem::Fn(function) = entry else {
                continue;
            };
            match take_attribute(function) {
                Ok(Some(attribute)) => found.push((attribute, function.clone())),
                Ok(None) => {}
                Err(error) => note(&mut mistakes, error),
            }
        }
        let mut declaration = Declaration {
            item,
            arguments,
            handlers: Vec::new(),
            after_batch: None,
            started: None,
            stopped: None,
            child_failed: None,
            dependencies: Vec::new(),
            resources: Vec::new(),
            releases: Vec::new(),
            tasks: Vec::new(),
            hooks: Vec::new(),
        };
        for (attribute, function) in found {
            if let Err(error) = declaration.add(&attribute, &function) {
                note(&mut mistakes, error);
            }
        }
        for group in Group::all(&declaration.handlers) {
            if let Err(error) = group.check() {
                note(&mut mistakes, error);
            }
        }
        if let Err(error) = declaration.check_paths() {
            note(&mut mistakes, error);
        }
        if let Err(error) = declaration.check_releases() {
            note(&mut mistakes, error);
        }
        mistakes.map_or(Ok(declaration), Err)
    }

    fn add(&mut self, attribute: &Attribute, function: &ImplItemFn) -> syn::Result<()> {
        let callable = Callable::read(function)?;
        let name = attribute.path().to_token_stream().to_string();
        if let Some(kind) = Kind::of(&name) {
            self.hooks.push(Hook::read(kind, attribute, callable)?);
            return Ok(());
        }
        let transition = |argument: &Argument| matches!(argument, Argument::Transition);
        callable.refuse(transition, "a `Transition`, which is for hooks")?;
        match name.as_str() {
            "handler" => return self.add_handler(attribute, callable),
            "resource" => return self.add_resource(attribute, callable),
            "release" => return self.add_release(attribute, callable),
            "task" => return self.add_task(attribute, callable),
            "depends_on" => return self.add_dependency(attribute, callable),
            _ => arguments::none(attribute)?,
        }
        callable.require_receiver()?;
        callable.refuse(|argument| matches!(argument, Argument::Reply(_)), "a `Reply`")?;
        callable.refuse(|argument| matches!(argument, Argument::Injector), "an `Injector`")?;
        let (slot, values) = match name.as_str() {
            "after_batch" => (&mut self.after_batch, 0),
            "started" => (&mut self.started, 0),
            "stopped" => (&mut self.stopped, 0),
            _ => (&mut self.child_failed, 1),
        };
        if callable.values().len() != values {
            let expected = match values {
                0 => "takes nothing but `&mut Context<Self>`",
                _ => "takes a `ChildFailed`",
            };
            return Err(syn::Error::new(callable.span, format!("`#[{name}]` {expected}")));
        }
        if slot.is_some() {
            let message = format!("there is another `#[{name}]` already");
            return Err(syn::Error::new(callable.span, message));
        }
        *slot = Some(callable);
        Ok(())
    }

    fn add_handler(&mut self, attribute: &Attribute, callable: Callable) -> syn::Result<()> {
        let arguments = HandlerArguments::read(attribute)?;
        let HandlerArguments { crash_on_error, states, otherwise } = arguments;
        callable.require_receiver()?;
        callable.refuse(|argument| matches!(argument, Argument::Injector), "an `Injector`")?;
        let message = match callable.values().as_slice() {
            [message] => (*message).clone(),
            [] => {
                let message = "a handler takes a message: `fn name(&mut self, message: M)`";
                return Err(syn::Error::new(callable.span, message));
            }
            [_, second, ..] => {
                let message = "a handler takes one message; put more values into its type";
                return Err(syn::Error::new(place(second), message));
            }
        };
        if let (Some(_), Some(output), false) =
            (callable.deferred(), &callable.output, crash_on_error)
        {
            let message = "a handler with a `Reply` answers through it and returns nothing";
            return Err(syn::Error::new(place(output), message));
        }
        if crash_on_error && callable.output.is_none() {
            let message = "`crash_on_error` needs a handler that returns a `Result`";
            return Err(syn::Error::new(callable.span, message));
        }
        self.handlers.push(Handler { callable, message, crash_on_error, states, otherwise });
        Ok(())
    }

    fn add_resource(&mut self, attribute: &Attribute, callable: Callable) -> syn::Result<()> {
        let arguments = ResourceArguments::read(attribute)?;
        if callable.output.is_none() || !callable.values().is_empty() || has_context(&callable) {
            let message = "a resource is `fn name(&self [, injector: &Injector]) -> Result<T, E>`";
            return Err(syn::Error::new(callable.span, message));
        }
        self.resources.push(Resource { callable, arguments });
        Ok(())
    }

    fn add_release(&mut self, attribute: &Attribute, callable: Callable) -> syn::Result<()> {
        let arguments = ReleaseArguments::read(attribute)?;
        if callable.values().len() != 1 || has_context(&callable) {
            let message = "a release is `fn name([&mut self,] value: T)`";
            return Err(syn::Error::new(callable.span, message));
        }
        self.releases.push(Release { callable, arguments });
        Ok(())
    }

    fn add_dependency(&mut self, attribute: &Attribute, callable: Callable) -> syn::Result<()> {
        arguments::none(attribute)?;
        let wrong = callable.is_async
            || callable.output.is_none()
            || !callable.values().is_empty()
            || has_context(&callable);
        if wrong {
            let message =
                "a dependency is `fn name(&self [, injector: &Injector]) -> Dependency<B>`";
            return Err(syn::Error::new(callable.span, message));
        }
        self.dependencies.push(callable);
        Ok(())
    }

    fn add_task(&mut self, attribute: &Attribute, callable: Callable) -> syn::Result<()> {
        let arguments = TaskArguments::read(attribute)?;
        if let [value, ..] = callable.values().as_slice() {
            let message = "a task takes no values; what it needs is in the actor or its messages";
            return Err(syn::Error::new(place(value), message));
        }
        if arguments.blocking {
            let on_runtime = |argument: &Argument| matches!(argument, Argument::Context { .. });
            if callable.is_async || callable.arguments.iter().any(on_runtime) {
                let message =
                    "a blocking task is sync: `fn name([&mut self,] [ctx: TaskContext<Self>])`";
                return Err(syn::Error::new(callable.span, message));
            }
        } else if arguments.concurrent {
            let on_actor = |argument: &Argument| matches!(argument, Argument::Context { .. });
            if callable.has_receiver || callable.arguments.iter().any(on_actor) {
                let message = "a concurrent task runs beside the actor: `async fn name(ctx: TaskContext<Self>)`";
                return Err(syn::Error::new(callable.span, message));
            }
        } else {
            callable.require_receiver()?;
            let beside = |argument: &Argument| matches!(argument, Argument::TaskContext);
            callable.refuse(beside, "a `TaskContext` unless it is `#[task(concurrent)]`")?;
        }
        self.tasks.push(Task { callable, arguments });
        Ok(())
    }

    /// Without a chart of its own, an actor knows the lifecycle only.
    fn check_paths(&self) -> syn::Result<()> {
        if self.arguments.chart.is_some() {
            return Ok(());
        }
        let mut mistakes = None;
        let bound = self.handlers.iter().flat_map(|handler| &handler.states);
        let about_states = |hook: &&Hook| hook.kind.is_about_states();
        let entered = self.hooks.iter().filter(about_states).flat_map(|hook| &hook.names);
        for path in bound.chain(entered) {
            if let Err(error) = lifecycle::check_state(path) {
                note(&mut mistakes, error);
            }
        }
        let about_triggers = self.hooks.iter().filter(|hook| !about_states(hook));
        for path in about_triggers.flat_map(|hook| &hook.names) {
            if let Err(error) = lifecycle::check_trigger(path) {
                note(&mut mistakes, error);
            }
        }
        mistakes.map_or(Ok(()), Err)
    }

    fn check_releases(&self) -> syn::Result<()> {
        for Release { arguments, .. } in &self.releases {
            let resource = &arguments.resource;
            let known = self.resources.iter().any(|it| it.callable.name == *resource);
            if !known {
                let message = format!("there is no resource `{resource}`");
                return Err(syn::Error::new(resource.span(), message));
            }
        }
        Ok(())
    }
}

fn check_impl(item: &ItemImpl) -> syn::Result<()> {
    if let Some((_, of, _)) = &item.trait_ {
        let message = "`#[actor]` goes on an inherent impl, not on the impl of a trait";
        return Err(syn::Error::new_spanned(of, message));
    }
    for parameter in &item.generics.params {
        if let GenericParam::Lifetime(lifetime) = parameter {
            let message = "an actor owns what it has: it cannot have lifetime parameters";
            return Err(syn::Error::new_spanned(lifetime, message));
        }
    }
    Ok(())
}

/// Takes our attribute off a function.
fn take_attribute(function: &mut ImplItemFn) -> syn::Result<Option<Attribute>> {
    let is_known = |it: &Attribute| KNOWN.iter().any(|name| it.path().is_ident(name));
    let ours: Vec<Attribute> = function.attrs.extract_if(.., |it| is_known(it)).collect();
    match ours.as_slice() {
        [] | [_] => Ok(ours.into_iter().next()),
        [_, second, ..] => {
            let message = "a function has one role in its actor";
            Err(syn::Error::new_spanned(second, message))
        }
    }
}

fn has_context(callable: &Callable) -> bool {
    callable.arguments.iter().any(|argument| {
        matches!(argument, Argument::Context { .. } | Argument::TaskContext | Argument::Reply(_))
    })
}

fn note(mistakes: &mut Option<syn::Error>, error: syn::Error) {
    match mistakes {
        Some(known) => known.combine(error),
        None => *mistakes = Some(error),
    }
}
