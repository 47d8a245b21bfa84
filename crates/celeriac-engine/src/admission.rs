//! Admission: what becomes of a delivery before anything runs.

use std::sync::Arc;

use celeriac_core::broker::{Delivery, Receipt, Undecodable};
use celeriac_core::outcome::{Completion, Outcome};
use celeriac_core::store::{Content, Quarantined, Reason};
use celeriac_core::{Failure, Kind, Message, MessageId, State, Timestamp};

use crate::effects::{Commit, Effects};
use crate::engine::{Engine, Facts};
use crate::in_flight::Flight;

/// How long outcomes of messages without a known task are kept: 24 h.
const DEFAULT_RESULT_TTL: std::time::Duration = std::time::Duration::from_secs(24 * 3600);

impl Engine {
    /// Refuses, answers or dispatches one delivery.
    pub(crate) fn admit(
        &mut self,
        now: Timestamp,
        delivery: Delivery,
        facts: &Facts,
        effects: &mut Effects,
    ) {
        let Delivery { receipt, redelivered, deaths, payload } = delivery;
        self.stats.received += 1;
        if self.stopping {
            return self.release(receipt, effects);
        }
        let message = match payload {
            Ok(message) => message,
            Err(undecodable) => return self.refuse_bytes(now, receipt, undecodable, effects),
        };
        if facts.ended.contains(&message.id) {
            self.stats.replayed += 1;
            return effects.commit.ack(receipt);
        }
        if self.is_held(message.id) {
            self.stats.replayed += 1;
            return self.hold_again(message.id, receipt, redelivered, effects);
        }
        if facts.revoked.contains(&message.id) || self.is_revoked(message.id) {
            self.stats.revoked += 1;
            effects.commit.complete.push(revoked(&message, now));
            return effects.commit.ack(receipt);
        }
        if let Some((reason, failure)) = self.objection(now, &message, deaths) {
            self.refuse(now, receipt, message, deaths, (reason, failure), &mut effects.commit);
            return;
        }
        match message.kind {
            Kind::Command => self.admit_command(now, receipt, message, deaths, effects),
            Kind::Event | Kind::Document => self.spread(now, receipt, message, effects),
        }
    }

    /// A message that is held comes again. A second message of the same id is
    /// settled: the first stands for both. The same one, redelivered, must not
    /// be: what is held lost its receipt and takes the new one.
    fn hold_again(
        &mut self,
        id: MessageId,
        receipt: Receipt,
        redelivered: bool,
        effects: &mut Effects,
    ) {
        if !redelivered {
            return effects.commit.ack(receipt);
        }
        let stale = match self.in_flight.key_of(id) {
            Some(key) => self.in_flight.renew(key, receipt),
            None => {
                let mut suspects = self.suspects.iter_mut();
                let suspect = suspects.find(|suspect| suspect.message.id == id);
                suspect.map(|suspect| std::mem::replace(&mut suspect.receipt, receipt))
            }
        };
        if let Some(stale) = stale {
            effects.commit.requeue(stale);
        }
    }

    fn is_held(&self, id: MessageId) -> bool {
        self.in_flight.key_of(id).is_some()
            || self.suspects.iter().any(|suspect| suspect.message.id == id)
    }

    /// Why a message can't be run, if it can't.
    fn objection(
        &self,
        now: Timestamp,
        message: &Message,
        deaths: u32,
    ) -> Option<(Reason, Failure)> {
        if message.is_expired(now) {
            let text = format!("its time was over before it ran (at {now})");
            return Some((Reason::Expired, Failure::new("expired", text)));
        }
        if deaths >= self.limits.deaths {
            let text = format!("{deaths} processes died while they ran it");
            return Some((Reason::KilledWorkers, Failure::new("killed_workers", text)));
        }
        if message.kind == Kind::Command && self.position(&message.name).is_none() {
            let text = format!(
                "no task `{}` is registered here; register it and requeue the message",
                message.name
            );
            return Some((Reason::UnknownTask, Failure::new("unknown_task", text)));
        }
        None
    }

    fn admit_command(
        &mut self,
        now: Timestamp,
        receipt: Receipt,
        message: Arc<Message>,
        deaths: u32,
        effects: &mut Effects,
    ) {
        let Some(task) = self.position(&message.name) else {
            return;
        };
        let flight = Flight { receipt, message, task, deaths, since: now };
        if deaths > 0 && deaths + 1 >= self.limits.deaths {
            self.suspects.push_back(flight);
        } else {
            self.dispatch(flight, effects);
        }
    }

    /// Turns an event or document into its subscribers' commands.
    fn spread(
        &mut self,
        now: Timestamp,
        receipt: Receipt,
        event: Arc<Message>,
        effects: &mut Effects,
    ) {
        match self.subscriptions.commands(&event, now) {
            Ok(commands) => {
                self.stats.events += 1;
                effects.commit.publish.extend(commands);
                effects.commit.ack(receipt);
            }
            Err(error) => {
                let failure = Failure::new("undecodable", error.to_string());
                let why = (Reason::Undecodable, failure);
                self.refuse(now, receipt, event, 0, why, &mut effects.commit);
            }
        }
    }

    /// Puts a message that can't be run into quarantine.
    pub(crate) fn refuse(
        &mut self,
        now: Timestamp,
        receipt: Receipt,
        message: Arc<Message>,
        deaths: u32,
        (reason, failure): (Reason, Failure),
        commit: &mut Commit,
    ) {
        self.stats.quarantined += 1;
        if message.kind == Kind::Command {
            let outcome =
                Outcome::failed(State::Quarantined, message.attempt, now, failure.clone());
            commit.complete.push(Completion {
                id: message.id,
                outcome,
                expires_at: now.after(message.rare().result_ttl.unwrap_or(DEFAULT_RESULT_TTL)),
            });
        }
        let content = Content::Message(message);
        commit.quarantine.push(Quarantined { content, reason, failure, at: now, deaths });
        commit.ack(receipt);
    }

    fn refuse_bytes(
        &mut self,
        now: Timestamp,
        receipt: Receipt,
        undecodable: Box<Undecodable>,
        effects: &mut Effects,
    ) {
        self.stats.quarantined += 1;
        let failure = Failure::new("undecodable", undecodable.reason.clone());
        effects.commit.quarantine.push(Quarantined {
            content: Content::Undecodable(undecodable),
            reason: Reason::Undecodable,
            failure,
            at: now,
            deaths: 0,
        });
        effects.commit.ack(receipt);
    }
}

pub(crate) fn revoked(message: &Message, now: Timestamp) -> Completion {
    let failure = Failure::new("revoked", "it was revoked");
    Completion {
        id: message.id,
        outcome: Outcome::failed(State::Revoked, message.attempt, now, failure),
        expires_at: now.after(message.rare().result_ttl.unwrap_or(DEFAULT_RESULT_TTL)),
    }
}
