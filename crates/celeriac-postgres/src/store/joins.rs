//! [`Joins`]: a row for each member, and one for what a join knows of them,
//! whose lock makes the members come one after the other. Neither grows with
//! the join: adding a member takes the same time in one of ten and of a
//! hundred thousand.

use std::collections::{BTreeMap, BTreeSet};

use celeriac_core::error::Result;
use celeriac_core::store::{Join, Joined, Joins, Reopen};
use celeriac_core::wire::{decode_member, encode_member};
use celeriac_core::workflow::{Member, StepId};
use celeriac_core::{BoxFuture, MessageId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use super::workflows::{number, small};
use crate::lane::in_time;
use crate::{Postgres, column};

/// Members are answered up to this size together, and at least one.
const MEMBERS_BYTES: i64 = 4 << 20;

/// A join of a workflow.
type Key = (Uuid, i64);

/// What is known of the joins of a batch, and of those members that it is about.
#[derive(Default)]
struct Known {
    joins: BTreeMap<Key, Joined>,
    /// The epoch of a member, and what it weighs if it is in.
    places: BTreeMap<(Key, i64), Place>,
}

#[derive(Clone, Copy)]
struct Place {
    epoch: u32,
    weight: Option<u64>,
}

/// No new row for a workflow that is not kept; it can't go away meanwhile.
const BEGIN: &str = "WITH kept AS (
         SELECT id FROM workflow WHERE id = ANY ($1) ORDER BY id FOR KEY SHARE
     ) INSERT INTO join_state (workflow, step, done, weight)
     SELECT workflow, step, 0, 0 FROM unnest($1::uuid[], $2::bigint[]) AS one (workflow, step)
         JOIN kept ON kept.id = one.workflow
     ON CONFLICT (workflow, step) DO NOTHING";

const LOCK: &str = "SELECT known.workflow, known.step, done, weight, failed, closed_by
     FROM unnest($1::uuid[], $2::bigint[]) AS one (workflow, step)
     JOIN join_state AS known USING (workflow, step)
     ORDER BY workflow, step FOR UPDATE OF known";

const PLACES: &str = "SELECT workflow, step, idx, epoch, weight, known.body IS NOT NULL
     FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS one (workflow, step, idx)
     JOIN member AS known USING (workflow, step, idx)";

const ADD: &str = "INSERT INTO member (workflow, step, idx, epoch, failed, weight, body)
     SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::boolean[],
         $6::bigint[], $7::bytea[])
     ON CONFLICT (workflow, step, idx) DO UPDATE SET epoch = excluded.epoch,
         failed = excluded.failed, weight = excluded.weight, body = excluded.body";

const WRITE: &str = "UPDATE join_state AS known SET
         done = one.done, weight = one.weight, failed = one.failed, closed_by = one.closed_by
     FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
         AS one (workflow, step, done, weight, failed, closed_by)
     WHERE known.workflow = one.workflow AND known.step = one.step";

const MEMBERS: &str = "SELECT idx, body FROM (
         SELECT idx, body, row_number() OVER by_index AS place,
             sum(octet_length(body)) OVER by_index AS bytes
         FROM (SELECT idx, body FROM member
             WHERE workflow = $1 AND step = $2 AND idx >= $3 AND body IS NOT NULL
             ORDER BY idx LIMIT $4) AS ended
         WINDOW by_index AS (ORDER BY idx)
     ) AS ended WHERE place = 1 OR bytes <= $5 ORDER BY idx";

/// What a join is after a member was added that was not in.
fn add(state: &mut Joined, join: &Join) {
    state.done += 1;
    state.weight += join.member.weight();
    let fails = join.member.is_error();
    if fails {
        state.failed = Some(state.failed.map_or(join.index, |first| first.min(join.index)));
    }
    let closes = state.done >= join.width || fails && join.fail_fast;
    if closes && state.closed_by.is_none() {
        state.closed_by = Some(join.index);
    }
}

fn key(workflow: MessageId, join: StepId) -> Key {
    (column::uuid(workflow), number(join))
}

/// Makes, locks and reads the joins; reads the members.
async fn lock(connection: &mut PgConnection, places: &BTreeSet<(Key, i64)>) -> sqlx::Result<Known> {
    let keys = BTreeSet::from_iter(places.iter().map(|(key, _)| *key));
    let workflows = Vec::from_iter(keys.iter().map(|(workflow, _)| *workflow));
    let steps = Vec::from_iter(keys.iter().map(|(_, step)| *step));
    sqlx::query(BEGIN).bind(&workflows).bind(&steps).execute(&mut *connection).await?;
    let mut known = Known::default();
    type State = (Uuid, i64, i64, i64, Option<i64>, Option<i64>);
    let states = sqlx::query_as::<_, State>(LOCK).bind(workflows).bind(steps);
    for (workflow, step, done, weight, failed, closed_by) in
        states.fetch_all(&mut *connection).await?
    {
        let (failed, closed_by) = (failed.map(small), closed_by.map(small));
        let state = Joined { closed_by, done: small(done), failed, weight: weight.cast_unsigned() };
        known.joins.insert((workflow, step), state);
    }
    // Read after the lock: what others added meanwhile is seen.
    let members = sqlx::query_as::<_, (Uuid, i64, i64, i64, i64, bool)>(PLACES)
        .bind(Vec::from_iter(places.iter().map(|((workflow, _), _)| *workflow)))
        .bind(Vec::from_iter(places.iter().map(|((_, step), _)| *step)))
        .bind(Vec::from_iter(places.iter().map(|(_, index)| *index)));
    for (workflow, step, index, epoch, weight, is_in) in members.fetch_all(connection).await? {
        let weight = is_in.then_some(weight.cast_unsigned());
        known.places.insert(((workflow, step), index), Place { epoch: small(epoch), weight });
    }
    Ok(known)
}

/// Writes what is known of the joins.
async fn write(connection: &mut PgConnection, joins: &BTreeMap<Key, Joined>) -> sqlx::Result<()> {
    let states = || joins.values();
    let write = sqlx::query(WRITE)
        .bind(Vec::from_iter(joins.keys().map(|(workflow, _)| *workflow)))
        .bind(Vec::from_iter(joins.keys().map(|(_, step)| *step)))
        .bind(Vec::from_iter(states().map(|state| i64::from(state.done))))
        .bind(Vec::from_iter(states().map(|state| state.weight.cast_signed())))
        .bind(Vec::from_iter(states().map(|state| state.failed.map(i64::from))))
        .bind(Vec::from_iter(states().map(|state| state.closed_by.map(i64::from))));
    write.execute(connection).await?;
    Ok(())
}

/// Adds the members of a batch to what is known, in order: the answers, and
/// which members are new.
fn decide<'a>(batch: &'a [Join], known: &mut Known) -> (Vec<Joined>, Vec<&'a Join>) {
    let mut new = Vec::new();
    let mut answers = Vec::with_capacity(batch.len());
    for join in batch {
        let key = key(join.workflow, join.join);
        let Some(state) = known.joins.get_mut(&key) else {
            answers.push(Joined::default());
            continue;
        };
        let place = (key, i64::from(join.index));
        match known.places.get(&place) {
            Some(Place { weight: Some(_), .. }) => answers.push(*state),
            Some(Place { epoch, weight: None }) if join.epoch < *epoch => {
                answers.push(Joined { closed_by: None, ..*state });
            }
            Some(_) | None => {
                add(state, join);
                let weight = Some(join.member.weight());
                known.places.insert(place, Place { epoch: join.epoch, weight });
                new.push(join);
                answers.push(*state);
            }
        }
    }
    (answers, new)
}

impl Postgres {
    async fn join_all(&self, batch: &[Join]) -> sqlx::Result<Vec<Joined>> {
        let places = batch.iter().map(|one| (key(one.workflow, one.join), i64::from(one.index)));
        let mut transaction = self.client.strict.begin().await?;
        let mut known = lock(&mut transaction, &places.collect()).await?;
        let (answers, new) = decide(batch, &mut known);
        if !new.is_empty() {
            let add = sqlx::query(ADD)
                .bind(Vec::from_iter(new.iter().map(|join| column::uuid(join.workflow))))
                .bind(Vec::from_iter(new.iter().map(|join| number(join.join))))
                .bind(Vec::from_iter(new.iter().map(|join| i64::from(join.index))))
                .bind(Vec::from_iter(new.iter().map(|join| i64::from(join.epoch))))
                .bind(Vec::from_iter(new.iter().map(|join| join.member.is_error())))
                .bind(Vec::from_iter(new.iter().map(|join| join.member.weight().cast_signed())))
                .bind(Vec::from_iter(new.iter().map(|join| encode_member(&join.member))));
            add.execute(&mut *transaction).await?;
            write(&mut transaction, &known.joins).await?;
        }
        transaction.commit().await?;
        Ok(answers)
    }

    async fn reopen_all(&self, batch: &[Reopen]) -> sqlx::Result<()> {
        let places = batch.iter().map(|one| (key(one.workflow, one.join), i64::from(one.index)));
        let mut transaction = self.client.strict.begin().await?;
        let mut known = lock(&mut transaction, &places.collect()).await?;
        for reopen in batch {
            let key = key(reopen.workflow, reopen.join);
            let place = (key, i64::from(reopen.index));
            let former = known.places.get(&place).copied();
            let Some(state) = known.joins.get_mut(&key) else { continue };
            if former.is_some_and(|former| former.epoch >= reopen.epoch) {
                continue;
            }
            let open = sqlx::query(
                "INSERT INTO member (workflow, step, idx, epoch, failed, weight, body) \
                 VALUES ($1, $2, $3, $4, false, 0, NULL) ON CONFLICT (workflow, step, idx) \
                 DO UPDATE SET epoch = excluded.epoch, failed = false, weight = 0, body = NULL",
            );
            let open = open.bind(key.0).bind(key.1).bind(place.1).bind(i64::from(reopen.epoch));
            open.execute(&mut *transaction).await?;
            known.places.insert(place, Place { epoch: reopen.epoch, weight: None });
            let Some(weight) = former.and_then(|former| former.weight) else { continue };
            let failed = sqlx::query_scalar::<_, Option<i64>>(
                "SELECT min(idx) FROM member WHERE workflow = $1 AND step = $2 AND failed",
            );
            let failed = failed.bind(key.0).bind(key.1).fetch_one(&mut *transaction).await?;
            state.done = state.done.saturating_sub(1);
            state.weight = state.weight.saturating_sub(weight);
            (state.failed, state.closed_by) = (failed.map(small), None);
        }
        write(&mut transaction, &known.joins).await?;
        transaction.commit().await
    }
}

impl Joins for Postgres {
    fn join(&self, batch: Vec<Join>) -> BoxFuture<'_, Result<Vec<Joined>>> {
        Box::pin(async move {
            self.client.check_open("join")?;
            if batch.is_empty() {
                return Ok(Vec::new());
            }
            let joined = in_time(self.join_all(&batch)).await;
            joined.map_err(|error| self.client.failed("join", error))
        })
    }

    fn members(
        &self,
        workflow: MessageId,
        join: StepId,
        from: u32,
        max: usize,
    ) -> BoxFuture<'_, Result<Vec<(u32, Member)>>> {
        Box::pin(async move {
            self.client.check_open("members")?;
            let members = sqlx::query_as::<_, (i64, Vec<u8>)>(MEMBERS)
                .bind(column::uuid(workflow))
                .bind(number(join))
                .bind(i64::from(from))
                .bind(column::limit(max))
                .bind(MEMBERS_BYTES);
            let members = members.fetch_all(&self.client.strict).await;
            let members = members.map_err(|error| self.client.failed("members", error))?;
            let member = |(index, body): (i64, Vec<u8>)| {
                decode_member(&body).map(|member| (small(index), member))
            };
            self.read("members", members.into_iter().map(member).collect())
        })
    }

    fn reopen(&self, batch: Vec<Reopen>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            self.client.check_open("reopen")?;
            if batch.is_empty() {
                return Ok(());
            }
            let reopened = in_time(self.reopen_all(&batch)).await;
            reopened.map_err(|error| self.client.failed("reopen", error))
        })
    }
}
