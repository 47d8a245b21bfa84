//! What became of a step, as it is recorded: that, and nothing else, is told.

use celeriac_core::error::Result;
use celeriac_core::outcome::{Completion, Outcome};
use celeriac_core::workflow::{Canvas, SIGNAL, StepId, Value};
use celeriac_core::{Failure, Message, MessageId, State, Store, wire};
use celeriac_engine::canvas::Said;
use celeriac_engine::{News, Told};

/// What becomes of a step's delivery.
#[derive(Debug)]
pub(super) enum Fate {
    /// This is told, then it is settled; nothing once it was told.
    Told(Option<Said>),
    /// Its outcome is not known any more: it goes back, to be run.
    Forgotten,
    /// It can't be read: it waits for a person.
    Unreadable(Failure),
}

impl Fate {
    pub(super) const fn take_said(&mut self) -> Option<Said> {
        match self {
            Self::Told(said) => said.take(),
            Self::Forgotten | Self::Unreadable(_) => None,
        }
    }
}

/// The workflow that is told.
pub(super) fn workflow_of(told: &Told) -> Option<MessageId> {
    told.message.rare().workflow.as_ref().map(|place| place.id)
}

/// The ends among what is told.
pub(super) fn completions(told: &[Told]) -> Vec<Completion> {
    let ended = told.iter().filter_map(|told| match &told.news {
        News::Ended(completion) => Some(Completion::clone(completion)),
        News::Again | News::Cancelled(_) => None,
    });
    ended.collect()
}

/// What is told if each of these is the first end of its id. `None` if there is
/// something else among them.
pub(super) fn if_first(told: &[Told]) -> Option<Vec<Fate>> {
    let fate = |told: &Told| match &told.news {
        News::Ended(completion) => Some(said(&told.message, &completion.outcome)),
        News::Again | News::Cancelled(_) => None,
    };
    told.iter().map(fate).collect()
}

/// Records ends. The first of an id stays: a step that ran twice, with two
/// ends, is told once.
pub(super) async fn record(store: &dyn Store, told: &[Told]) -> Result<Vec<Fate>> {
    let completions = completions(told);
    let mut recorded = match completions.is_empty() {
        true => Vec::new(),
        false => store.complete(completions).await?,
    }
    .into_iter();
    let mut doubtful = Vec::new();
    let mut fates = Vec::with_capacity(told.len());
    for told in told {
        let step = told.message.rare().workflow.as_ref().map(|place| place.step);
        fates.push(match (&told.news, step) {
            (News::Cancelled(scopes), Some(step)) => {
                Fate::Told(Some(Said::Cancelled(step, scopes.clone())))
            }
            (News::Ended(completion), _) if recorded.next() == Some(true) => {
                said(&told.message, &completion.outcome)
            }
            _ => {
                doubtful.push((fates.len(), told.message.id));
                Fate::Forgotten
            }
        });
    }
    if doubtful.is_empty() {
        return Ok(fates);
    }
    let ids: Vec<MessageId> = doubtful.iter().map(|(_, id)| *id).collect();
    let entries = store.entries(&ids).await?;
    for ((at, _), entry) in doubtful.into_iter().zip(entries) {
        if let Some(outcome) = entry.and_then(|entry| entry.outcome) {
            fates[at] = said(&told[at].message, &outcome);
        }
    }
    Ok(fates)
}

/// What an outcome means to the workflow.
fn said(message: &Message, outcome: &Outcome) -> Fate {
    let Some(place) = &message.rare().workflow else { return Fate::Told(None) };
    match meaning(message, place.step, outcome) {
        Ok(said) => Fate::Told(Some(said)),
        Err(error) => Fate::Unreadable(Failure::new("undecodable", error.to_string())),
    }
}

fn meaning(
    message: &Message,
    step: StepId,
    outcome: &Outcome,
) -> std::result::Result<Said, wire::DecodeError> {
    let succeeded = outcome.state == State::Success;
    if message.name == SIGNAL && succeeded {
        return Ok(Said::Signal(step, wire::decode_signal(&message.body)?));
    }
    if succeeded && outcome.content_type.as_str() == Canvas::CONTENT_TYPE {
        return Ok(Said::Replaced(step, Box::new(wire::decode_canvas(&outcome.value)?)));
    }
    Ok(match (outcome.state, &outcome.failure) {
        (State::Success, _) => {
            let value = Value::from_outcome(&outcome.content_type, &outcome.value);
            Said::Completed(step, value)
        }
        (State::Ignored, _) => Said::Completed(step, Value::json("null")),
        (_, Some(failure)) => Said::Failed(step, Failure::clone(failure)),
        (state, None) => {
            let text = "its outcome bears no failure";
            Said::Failed(step, Failure::new(state.as_str().to_lowercase(), text))
        }
    })
}
