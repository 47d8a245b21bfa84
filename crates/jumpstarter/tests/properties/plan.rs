//! What a case does: which actors, which faults, which script. Only data.

use jumpstarter::{RestartPolicy, Strategy as Siblings};
use proptest::collection::vec;
use proptest::prelude::*;

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Decides the schedule.
    pub(crate) seed: u64,
    pub(crate) nodes: Vec<NodePlan>,
    pub(crate) hooked: HookedPlan,
    pub(crate) script: Vec<Step>,
}

/// The actors with hooks. By hook that runs; then all go well and hold.
#[derive(Clone, Debug)]
pub(crate) struct HookedPlan {
    pub(crate) siblings: Siblings,
    pub(crate) policy: RestartPolicy,
    pub(crate) restarts: u32,
    pub(crate) hooks: Vec<Fate>,
    pub(crate) conditions: Vec<bool>,
}

/// One actor. It names only such that come before it: there are no cycles.
#[derive(Clone, Debug)]
pub(crate) struct NodePlan {
    /// `None`: at the root.
    pub(crate) parent: Option<u8>,
    pub(crate) depends_on: Vec<u8>,
    pub(crate) policy: RestartPolicy,
    pub(crate) restarts: u32,
    /// Among its children.
    pub(crate) siblings: Siblings,
    /// 0: no bound.
    pub(crate) mailbox: usize,
    pub(crate) batch: usize,
    pub(crate) dedicated_thread: bool,
    /// By incarnation; then all goes well.
    pub(crate) starts: Vec<Start>,
    pub(crate) ends: Vec<End>,
    /// By turn, whichever task takes it; then the tasks are idle.
    pub(crate) turns: Vec<Turn>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Start {
    pub(crate) factory_panics: bool,
    pub(crate) lease: Fate,
    pub(crate) cache: Fate,
    pub(crate) hook: Fate,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct End {
    pub(crate) goodbye: Fate,
    pub(crate) release: Fate,
}

/// How a piece of an actor's code goes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Fate {
    #[default]
    Well,
    Slowly(u8),
    Error,
    Panic,
    Never,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Turn {
    Continue(u8),
    Success,
    Failure,
    Retry(u8),
    Panic,
}

/// What a handler does before it answers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    Answer,
    Sleep(u8),
    Fate(Fate),
    ReportError,
    ReportWarning,
    ReportProblem,
    Recover,
    StopSelf,
    RestartSelf,
    SpawnSleep(u8),
    SpawnPanic,
    SpawnForever,
    KeepReply,
    AnswerKept,
    Tell(u8),
    TryTell(u8),
    Ask(u8),
    Forward(u8),
    Schedule(u8),
    Blocking,
    BlockingPanic,
    CrashOnError,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    /// One of the actors with hooks.
    pub(crate) hooked: bool,
    pub(crate) target: u8,
    pub(crate) what: What,
    /// Milliseconds.
    pub(crate) then_wait: u8,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum What {
    Tell(Act),
    TryTell(Act),
    TellRecipient(Act),
    /// Dropped after its first poll.
    TellAndLeave(Act),
    Ask(Act),
    AskTimeout(Act, u8),
    Pause,
    Resume,
    Restart,
    Stop,
    StopNow,
    Kill,
}

impl What {
    pub(crate) fn act(self) -> Option<Act> {
        match self {
            What::Tell(act)
            | What::TryTell(act)
            | What::TellRecipient(act)
            | What::TellAndLeave(act)
            | What::Ask(act)
            | What::AskTimeout(act, _) => Some(act),
            _ => None,
        }
    }

    /// Whether the target stops because of it, perhaps to start again.
    pub(crate) fn is_end(self) -> bool {
        match self.act() {
            Some(act) => matches!(act, Act::StopSelf | Act::RestartSelf),
            None => !matches!(self, What::Pause | What::Resume),
        }
    }
}

pub(crate) fn any_plan() -> impl Strategy<Value = Plan> {
    let nodes = vec(any_node(), 2..=6);
    let script = vec(any_step(), 0..40);
    let parts = (any::<u64>(), nodes, any_hooked(), script, any::<bool>());
    parts.prop_map(|(seed, nodes, hooked, script, calm)| {
        let mut plan = Plan { seed, nodes, hooked, script };
        if calm {
            plan.calm_down();
        }
        plan
    })
}

impl Plan {
    /// Whether something in it may have to be killed: what never ends, and
    /// handlers that wait for room at each other.
    pub(crate) fn may_hang(&self) -> bool {
        let never = |fate: Fate| matches!(fate, Fate::Never);
        let mut starts = self.nodes.iter().flat_map(|node| &node.starts);
        let mut ends = self.nodes.iter().flat_map(|node| &node.ends);
        let mut acts = self.script.iter().filter_map(|step| step.what.act());
        starts.any(|start| never(start.hook))
            || self.hooked.hooks.iter().any(|fate| never(*fate))
            || ends.any(|end| never(end.goodbye) || never(end.release))
            || acts.any(|act| match act {
                Act::Fate(fate) => never(fate),
                Act::Tell(_) | Act::Forward(_) => true,
                _ => false,
            })
    }

    /// Without faults of the actors' own; what is asked of them may still be bad.
    fn calm_down(&mut self) {
        for node in &mut self.nodes {
            node.starts.clear();
            node.ends.clear();
            node.turns.clear();
        }
        self.hooked.hooks.clear();
        for step in &mut self.script {
            if matches!(step.what, What::Kill) {
                step.what = What::Stop;
            }
        }
    }
}

fn any_policy() -> impl Strategy<Value = RestartPolicy> {
    prop_oneof![
        Just(RestartPolicy::Transient),
        Just(RestartPolicy::Permanent),
        Just(RestartPolicy::Temporary)
    ]
}

fn any_siblings() -> impl Strategy<Value = Siblings> {
    prop_oneof![Just(Siblings::OneForOne), Just(Siblings::OneForAll), Just(Siblings::RestForOne)]
}

fn any_hooked() -> impl Strategy<Value = HookedPlan> {
    let conditions = vec(any::<bool>(), 0..8);
    let parts = (any_siblings(), any_policy(), 0..4_u32, vec(any_fate(), 0..20), conditions);
    parts.prop_map(|(siblings, policy, restarts, hooks, conditions)| HookedPlan {
        siblings,
        policy,
        restarts,
        hooks,
        conditions,
    })
}

fn any_node() -> impl Strategy<Value = NodePlan> {
    let place = (proptest::option::weighted(0.3, any::<u8>()), vec(any::<u8>(), 0..3));
    let run = (any_policy(), 0..4_u32, 0..4_usize, 1..4_usize, any::<bool>(), any_siblings());
    let faults = (vec(any_start(), 0..3), vec(any_end(), 0..3), vec(any_turn(), 0..6));
    (place, run, faults).prop_map(|(place, run, faults)| NodePlan {
        parent: place.0,
        depends_on: place.1,
        policy: run.0,
        restarts: run.1,
        mailbox: run.2,
        batch: run.3,
        dedicated_thread: run.4,
        siblings: run.5,
        starts: faults.0,
        ends: faults.1,
        turns: faults.2,
    })
}

fn any_start() -> impl Strategy<Value = Start> {
    (proptest::bool::weighted(0.05), any_fate(), any_fate(), any_fate()).prop_map(
        |(factory_panics, lease, cache, hook)| Start { factory_panics, lease, cache, hook },
    )
}

fn any_end() -> impl Strategy<Value = End> {
    (any_fate(), any_fate()).prop_map(|(goodbye, release)| End { goodbye, release })
}

fn any_fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        8 => Just(Fate::Well),
        4 => any::<u8>().prop_map(Fate::Slowly),
        1 => Just(Fate::Error),
        1 => Just(Fate::Panic),
        1 => Just(Fate::Never),
    ]
}

fn any_turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        6 => any::<u8>().prop_map(Turn::Continue),
        1 => Just(Turn::Success),
        1 => Just(Turn::Failure),
        2 => any::<u8>().prop_map(Turn::Retry),
        1 => Just(Turn::Panic),
    ]
}

fn any_act() -> impl Strategy<Value = Act> {
    let health = prop_oneof![
        Just(Act::ReportError),
        Just(Act::ReportWarning),
        Just(Act::ReportProblem),
        Just(Act::Recover),
        Just(Act::StopSelf),
        Just(Act::RestartSelf),
        Just(Act::CrashOnError),
    ];
    let spawned = prop_oneof![
        any::<u8>().prop_map(Act::SpawnSleep),
        Just(Act::SpawnPanic),
        Just(Act::SpawnForever),
        Just(Act::Blocking),
        Just(Act::BlockingPanic),
        any::<u8>().prop_map(Act::Schedule),
    ];
    let sent = prop_oneof![
        any::<u8>().prop_map(Act::Tell),
        any::<u8>().prop_map(Act::TryTell),
        any::<u8>().prop_map(Act::Ask),
        any::<u8>().prop_map(Act::Forward),
        Just(Act::KeepReply),
        Just(Act::AnswerKept),
    ];
    prop_oneof![
        4 => Just(Act::Answer),
        2 => any::<u8>().prop_map(Act::Sleep),
        2 => any_fate().prop_map(Act::Fate),
        3 => health,
        3 => spawned,
        4 => sent,
    ]
}

fn any_step() -> impl Strategy<Value = Step> {
    let control = prop_oneof![
        Just(What::Pause),
        Just(What::Resume),
        Just(What::Resume),
        Just(What::Restart),
        Just(What::Stop),
        Just(What::StopNow),
        Just(What::Kill),
    ];
    let what = prop_oneof![
        4 => any_act().prop_map(What::Tell),
        2 => any_act().prop_map(What::TryTell),
        1 => any_act().prop_map(What::TellRecipient),
        1 => any_act().prop_map(What::TellAndLeave),
        4 => any_act().prop_map(What::Ask),
        1 => (any_act(), any::<u8>()).prop_map(|(act, limit)| What::AskTimeout(act, limit)),
        4 => control,
    ];
    let wait = prop_oneof![Just(0), 0..60_u8];
    (proptest::bool::weighted(0.2), any::<u8>(), what, wait)
        .prop_map(|(hooked, target, what, then_wait)| Step { hooked, target, what, then_wait })
}
