//! Admission: what becomes of a delivery before anything runs.

use std::cmp::Ordering;
use std::sync::Arc;

use celeriac_core::broker::{Delivery, Receipt, Undecodable};
use celeriac_core::outcome::{Completion, Outcome};
use celeriac_core::store::{Content, Quarantined, Reason};
use celeriac_core::workflow::SIGNAL;
use celeriac_core::{Failure, Kind, Message, MessageId, State, Timestamp};

use crate::circuits::Admitted;
use crate::effects::{Commit, Effects, News, Told};
use crate::engine::{Engine, Facts};
use crate::in_flight::Flight;

/// How many receipts of what runs are kept: each takes a place in the credit.
const MAX_COPIES: usize = 4;
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
            if redelivered && message.rare().workflow.is_some() {
                return effects.commit.told.push(Told { message, receipt, news: News::Again });
            }
            return effects.commit.ack(receipt);
        }
        if self.is_held(message.id) {
            self.stats.replayed += 1;
            return self.hold_again(message, receipt, redelivered, effects);
        }
        let is_revoked = |id: &MessageId| facts.revoked.contains(id) || self.is_revoked(*id);
        let itself = is_revoked(&message.id);
        let place = message.rare().workflow.as_ref().filter(|_| !itself);
        let scopes = place.map(|place| place.scopes.iter().copied().filter(is_revoked).collect());
        let scopes: Vec<MessageId> = scopes.unwrap_or_default();
        if itself || !scopes.is_empty() {
            self.stats.revoked += 1;
            return effects.commit.revoked(now, &message, receipt, scopes);
        }
        if message.name == SIGNAL && message.rare().workflow.is_some() {
            return effects.commit.signal(now, &message, receipt);
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
    /// be: what is held lost its receipt and takes the new one. The old one is
    /// settled with it: it may be that of a second message. Where a later attempt
    /// comes, what is held is a repetition: it stands for the later one if it
    /// ends, and if it fails, the later one is run.
    fn hold_again(
        &mut self,
        message: Arc<Message>,
        receipt: Receipt,
        redelivered: bool,
        effects: &mut Effects,
    ) {
        let (held, runs) = match self.in_flight.flight_mut(message.id) {
            None => {
                let mut suspects = self.suspects.iter_mut();
                (suspects.find(|suspect| suspect.message.id == message.id), false)
            }
            in_flight => (in_flight, true),
        };
        let Some(held) = held else { return };
        let takes_over = match message.attempt.cmp(&held.message.attempt) {
            Ordering::Equal => redelivered,
            Ordering::Greater => true,
            Ordering::Less => false,
        };
        if runs && takes_over {
            // It runs under the new receipt: a death is counted by that.
            effects.begin.push(receipt);
        }
        match message.attempt.cmp(&held.message.attempt) {
            Ordering::Equal if redelivered => {
                // Given back now, a second message would come again at once, and
                // so would the first, for as long as it runs.
                held.copies.push(std::mem::replace(&mut held.receipt, receipt));
                if held.copies.len() > MAX_COPIES {
                    effects.commit.requeue(held.copies.remove(0));
                }
            }
            Ordering::Equal | Ordering::Less => effects.commit.ack(receipt),
            Ordering::Greater => {
                held.message = message;
                held.runs_earlier = true;
                effects.commit.ack(std::mem::replace(&mut held.receipt, receipt));
            }
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
        let is_suspect = deaths > 0 && deaths + 1 >= self.limits.deaths;
        // Suspects run one at a time anyway, and would lose their count of deaths.
        let admitted = match is_suspect {
            true => Admitted::Run,
            false => self.circuits.admit(now, task, &message.queue),
        };
        match admitted {
            Admitted::Run | Admitted::Probe => {}
            Admitted::GoesBack => return self.release(receipt, effects),
            Admitted::PutOff(until) => return self.put_off(receipt, &message, until, effects),
        }
        let (copies, runs_earlier) = (Vec::new(), false);
        let flight = Flight { receipt, copies, message, task, deaths, since: now, runs_earlier };
        if is_suspect {
            return self.suspects.push_back(flight);
        }
        let key = self.dispatch(flight, effects);
        if admitted == Admitted::Probe {
            self.circuits.probe(task, key);
        }
    }

    /// Lets a message wait in the store until then, as the same attempt.
    fn put_off(
        &mut self,
        receipt: Receipt,
        message: &Arc<Message>,
        until: Timestamp,
        effects: &mut Effects,
    ) {
        self.stats.put_off += 1;
        let mut later = Message::clone(message);
        // Published again if the process dies before this delivery is settled.
        later.may_repeat = true;
        later.rare_mut().eta = Some(until);
        effects.commit.schedule.push(later.into());
        effects.commit.ack(receipt);
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
            commit.ended(&message, receipt, completion(&message, outcome));
        } else {
            commit.ack(receipt);
        }
        let content = Content::Message(message);
        commit.quarantine.push(Quarantined { content, reason, failure, at: now, deaths });
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

/// The record of an end whose task is not known.
fn completion(message: &Message, outcome: Outcome) -> Completion {
    let ttl = message.rare().result_ttl.unwrap_or(DEFAULT_RESULT_TTL);
    Completion { id: message.id, expires_at: outcome.finished_at.after(ttl), outcome }
}

impl Commit {
    /// A message is not run, or not to its end: it was revoked itself, or
    /// these of its scopes were.
    pub(crate) fn revoked(
        &mut self,
        now: Timestamp,
        message: &Arc<Message>,
        receipt: Receipt,
        scopes: Vec<MessageId>,
    ) {
        if scopes.is_empty() {
            let failure = Failure::new("revoked", "it was revoked");
            if message.rare().workflow.is_some() && message.name != SIGNAL {
                // Its workflow fails with it: tried again by hand, it goes on.
                self.quarantine.push(Quarantined {
                    content: Content::Message(message.clone()),
                    reason: Reason::Revoked,
                    failure: failure.clone(),
                    at: now,
                    deaths: 0,
                });
            }
            let outcome = Outcome::failed(State::Revoked, message.attempt, now, failure);
            return self.ended(message, receipt, completion(message, outcome));
        }
        let news = News::Cancelled(scopes);
        self.told.push(Told { message: message.clone(), receipt, news });
    }

    /// A signal is not run, but told. It is recorded like any other step: from
    /// then on no revocation stops what it has begun.
    fn signal(&mut self, now: Timestamp, message: &Arc<Message>, receipt: Receipt) {
        let content_type = message.content_type.clone();
        let outcome = Outcome::success(0, now, content_type, bytes::Bytes::new());
        self.ended(message, receipt, completion(message, outcome));
    }
}
